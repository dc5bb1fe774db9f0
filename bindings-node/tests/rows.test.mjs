import assert from 'node:assert/strict'
import { createWriteStream, readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import zlib from 'node:zlib'

import { RecordBatch, RecordBatchReader, Table, tableFromIPC } from 'apache-arrow'
import { Conflict, csv, InvalidParams, readDbc } from 'datasus'

import { client, folder, gc, source, TEN_MILLION, until } from './example_folder.mjs'

const query = { dataset: 'SIH-RD', columns: ['CNES', 'VAL_TOT', 'DT_INTER', 'IDADE'] }

/** Columns of every type that a query can give. */
const EVERY_TYPE = {
  sql: `SELECT i, CAST(i % 100 AS TINYINT) t, CAST(i AS UBIGINT) u, CAST(i AS HUGEINT) h, CAST(i AS FLOAT) f, i / 3 d,
    CAST(i AS DECIMAL(9, 1)) d9, CAST(i AS DECIMAL(38, 10)) d38, 'texto ' || i s, i % 2 = 0 b, DATE '2024-02-29' + CAST(i AS INTEGER) AS dia,
    TIMESTAMP '2024-01-02 03:04:05.678' + INTERVAL (i) HOUR ts, TIMESTAMPTZ '2024-01-02 03:04:05+00' tz, TIME '01:02:03' + INTERVAL (i) SECOND ti,
    CAST('ab' || i AS BLOB) bl, [i, NULL, -i] l, [[i], []] ll, {'a': i, 'b': 'x' || i, 'c': [i]} st, NULL n
    FROM range(5000) r(i)`,
}

test('a table is over the memory of the addon, and gives it back when it is collected', async () => {
  await until(() => (gc(), client.metrics().match(/^datasus_memory_foreign_bytes (\d+)/m)?.[1] === '0'), 'nothing held at first')
  const held = () => Number(/^datasus_memory_foreign_bytes (\d+)/m.exec(client.metrics())[1])
  let table = await (await client.query(TEN_MILLION)).toTable()
  assert.equal(table.numRows, 10_000_000)
  // 8 + 8 + 5 + 16 bytes a row, held as long as the table is.
  assert.ok(held() > 300e6, `${held()} bytes`)
  const external = process.memoryUsage().external
  assert.ok(external > 300e6, `V8 knows of ${external} bytes`)
  assert.equal(table.getChild('k').get(9_999_999), 999n)
  table = undefined
  await until(() => (gc(), held() === 0), 'collected, all memory is given back')
  assert.ok(process.memoryUsage().external < external / 4)
})

test('every type arrives as the Arrow library itself reads it', async () => {
  const table = await (await client.query(EVERY_TYPE)).toTable()
  const peer = tableFromIPC(await (await client.query(EVERY_TYPE)).toIPC())
  assert.equal(String(table.schema), String(peer.schema))
  assert.equal(table.numRows, 5000)
  for (const row of [0, 1, 2047, 2048, 4999]) assert.equal(String(table.get(row)), String(peer.get(row)))
  for (const name of table.schema.names) {
    assert.equal(table.getChild(name).nullCount, peer.getChild(name).nullCount, name)
  }
})

test('objects are exact, and what they become can be chosen', async () => {
  const sql = `SELECT 9007199254740993 AS n, CAST('12345678901234567890.12' AS DECIMAL(38, 2)) AS v, DATE '2024-02-29' AS d,
    TIMESTAMP '2024-02-29 12:00:00' AS ts, CAST('NaN' AS DOUBLE) AS f, [9007199254740993] AS l, CAST(NULL AS BIGINT) AS nada`
  const exact = await (await client.query({ sql })).toArray()
  assert.deepEqual(exact, [{
    n: 9007199254740993n, v: '12345678901234567890.12', d: '2024-02-29', ts: '2024-02-29T12:00:00', f: NaN, l: [9007199254740993n], nada: null,
  }])
  const [loose] = await (await client.query({ sql: sql.replaceAll('9007199254740993', '42') })).toArray({ integers: 'number', decimals: 'number', dates: 'date' })
  assert.deepEqual([loose.n, loose.l, loose.v], [42, [42], 12345678901234567890.12])
  assert.equal(loose.d.toISOString(), '2024-02-29T00:00:00.000Z')
  assert.equal(loose.ts.toISOString(), '2024-02-29T12:00:00.000Z')
  // Rounded silently, it would be another number.
  await assert.rejects(async () => (await client.query({ sql })).toArray({ integers: 'number' }), RangeError)
})

test('many objects come whole and in order', async () => {
  const rows = await (await client.query({ sql: `SELECT i, 'ç"\\n' || i AS t FROM range(200000) r(i)` })).toArray({ integers: 'number' })
  assert.equal(rows.length, 200_000)
  assert.ok(rows.every(({ i, t }, place) => i === place && t === `ç"\\n${place}`))
})

test('a stream of CSV is what the CSV file holds, and of Arrow what Arrow reads', async () => {
  const piped = path.join(folder, 'piped.csv')
  await pipeline((await client.query(query)).toReadable({ format: 'csv', delimiter: ';', decimalComma: true, bom: true }), createWriteStream(piped))
  await client.export(query, { to: csv('exported.csv', { delimiter: ';', decimalComma: true, bom: true }) })
  assert.deepEqual(readFileSync(piped), readFileSync(path.join(folder, 'output', 'exported.csv')))

  const reader = await RecordBatchReader.from((await client.query(query)).toReadable({ format: 'arrow' }))
  const table = new Table(await reader.readAll())
  assert.equal(table.numRows, 600)

  const lines = (await Readable.from((await client.query(query)).toReadable({ format: 'ndjson' })).toArray()).join('').trim().split('\n')
  assert.equal(lines.length, 600)
  assert.match(lines[0], /^\{"CNES":"\d{7}","VAL_TOT":\d+\.\d\d,"DT_INTER":"202\d-\d\d-\d\d","IDADE":\d+\}$/)
})

test('a stream packed with zstd is one frame, of the plain stream', async () => {
  const bytes = async (how) => Buffer.concat(await (await client.query(query)).toReadable(how).toArray())
  for (const format of ['csv', 'ndjson', 'arrow']) {
    const [plain, packed] = [await bytes({ format }), await bytes({ format, zstd: 3 })]
    assert.ok(packed.length < plain.length / 2, `${format}: ${packed.length} of ${plain.length} bytes`)
    assert.equal(packed.readUInt32LE(0), 0xfd2fb528)
    // From 22.15 on.
    if (zlib.zstdDecompressSync !== undefined) assert.deepEqual(zlib.zstdDecompressSync(packed), plain)
  }
  await assert.rejects(bytes({ format: 'arrow', zstd: 23 }), { code: 'DS-422' })
})

test('a reader that goes away cancels the query, and one that is slow is waited for', async () => {
  const result = await client.query(TEN_MILLION)
  const stream = result.toReadable({ format: 'csv' })
  await new Promise((got) => stream.once('data', got))
  stream.pause()
  stream.destroy()
  await until(() => result.job.done, 'the job ends')
  assert.equal(result.job.status, 'cancelled')

  const slow = (await client.query(TEN_MILLION)).toReadable({ format: 'ndjson' })
  await new Promise((got) => slow.once('readable', got))
  const before = process.memoryUsage().rss
  await new Promise((go) => setTimeout(go, 1500))
  const grown = process.memoryUsage().rss - before
  slow.destroy()
  assert.ok(grown < 150e6, `${grown} bytes more while nobody reads`)
})

test('a failure in mid-stream is an error, never a short answer', async () => {
  const sql = `SELECT i, CAST(CASE WHEN i = 3000000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(4000000) r(i)`
  await assert.rejects(async () => (await client.query({ sql })).toTable(), (error) => error instanceof InvalidParams && error.code === 'DS-422')
  await assert.rejects(async () => (await client.query({ sql })).toArray(), InvalidParams)
  const stream = (await client.query({ sql })).toReadable({ format: 'csv' })
  await assert.rejects(pipeline(stream, async function (chunks) { for await (const _ of chunks); }), InvalidParams)
})

test('rows are read once, and a loop that is left lets them go', async () => {
  const result = await client.query(TEN_MILLION)
  for await (const batch of result) {
    assert.ok(batch instanceof RecordBatch)
    break
  }
  await until(() => result.job.done, 'the job ends')
  await assert.rejects(result.toArray(), Conflict)
  const read = await client.query(query)
  await read.toArray()
  await assert.rejects(read.toArray(), Conflict)
  await assert.rejects(read.toTable(), Conflict)
  assert.throws(() => read.toReadable({ format: 'csv' }), Conflict)
  assert.equal((await read.report()).recordsProcessed, 600)
  await assert.rejects(async () => (await client.query(query)).report(), /after the rows/)
  // What `await using` does at the end of its block.
  const disposed = await client.query(TEN_MILLION)
  await disposed[Symbol.asyncDispose]()
  await until(() => disposed.job.status === 'cancelled', 'the job ends')
})

test('an aborted signal ends a stream that nobody reads at the moment', async () => {
  const control = new AbortController()
  const stream = (await client.query(TEN_MILLION, { signal: control.signal })).toReadable({ format: 'csv' })
  await new Promise((got) => stream.once('readable', got))
  assert.ok(stream.read().length <= 1 << 20)
  const failed = new Promise((told) => stream.once('error', told))
  control.abort(new Error('enough'))
  const error = await failed
  assert.deepEqual([error.code, error.cause.message], ['DS-499', 'enough'])
})

test('bytes that are handed out count as held until they are collected', async () => {
  const held = () => Number(/^datasus_memory_foreign_bytes (\d+)/m.exec(client.metrics())[1])
  await until(() => (gc(), held() === 0), 'nothing held at first')
  await (async () => {
    const stream = (await client.query(TEN_MILLION)).toReadable({ format: 'csv' })
    await new Promise((got) => stream.once('readable', got))
    await until(() => held() > 1e6, 'a piece is held')
    stream.destroy()
  })()
  await until(() => (gc(), held() === 0), 'collected, it is given back')
})

test('options that a stream cannot have are refused', async () => {
  const result = await client.query(query)
  assert.throws(() => result.toReadable({ format: 'xml' }), { code: 'DS-400' })
  assert.throws(() => result.toReadable({ format: 'csv', path: 'a.csv' }), { code: 'DS-422' })
  assert.equal((await result.toArray()).length, 600)
})

test('one file is read without a client', async () => {
  const records = await readDbc(path.join(source, 'RDAC2401.dbc'), { columns: ['cnes', 'VAL_TOT'] })
  assert.deepEqual(records.columns.map(({ name, type }) => [name, type]), [['CNES', 'Utf8'], ['VAL_TOT', 'Decimal128(14, 2)']])
  assert.equal(records.summary, null)
  assert.equal((await records.toTable()).numRows, 100)
  assert.deepEqual([records.summary.rows, records.summary.crc], [100, 'ok'])
  await assert.rejects(readDbc('nowhere.dbc', { language: 'en' }), { code: 'DS-404' })
  await assert.rejects(readDbc('nowhere.dbc', { language: 'fr' }), { code: 'DS-422' })
})

test('the text of a table of DOS is read in its encoding', async () => {
  const field = Buffer.concat([Buffer.from('NOME'.padEnd(11, '\0') + 'C'), Buffer.alloc(4), Buffer.from([9]), Buffer.alloc(15)])
  const header = Buffer.alloc(32)
  header.set([0x03, 0x7c, 1, 31])
  // Two records are announced, and one is there.
  header.writeUInt32LE(2, 4)
  header.writeUInt16LE(65, 8)
  header.writeUInt16LE(10, 10)
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'datasus-')), 'MUNICIPIOS.DBF')
  await writeFile(file, Buffer.concat([header, field, Buffer.from('\r S\xc6o Paulo\x1a', 'latin1')]))
  const read = async (encoding) => {
    const records = await readDbc(file, { encoding, partial: true })
    const text = (await records.toTable()).getChild('NOME').get(0)
    assert.deepEqual([records.summary.rows, records.summary.rowsDeclared], [1, 2])
    return [text, records.summary.warnings.some((warning) => warning.includes('cp850'))]
  }
  assert.deepEqual(await read(undefined), ['São Paulo', true])
  assert.deepEqual(await read('cp850'), ['São Paulo', false])
  assert.deepEqual(await read('latin-1'), ['SÆo Paulo', false])
  await assert.rejects(readDbc(file, { encoding: 'cp437' }), { code: 'DS-422' })
  await assert.rejects((await readDbc(file)).toTable(), { code: 'DS-460' })
})
