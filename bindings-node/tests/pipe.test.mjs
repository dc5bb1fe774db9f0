// Rows that are piped without `pipeline`: the process lives, a cut answer is no whole one, and no job waits for who has gone.
import assert from 'node:assert/strict'
import { createWriteStream, existsSync } from 'node:fs'
import { createServer, get } from 'node:http'
import http2 from 'node:http2'
import { createRequire } from 'node:module'
import path from 'node:path'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { after, test } from 'node:test'

import { client, folder, TEN_MILLION, until } from './example_folder.mjs'

const require = createRequire(import.meta.url)
const { RowsReadable } = require(require.resolve('datasus').replace(/index\.js$/, 'readable.js'))

/** Fails once some megabytes were sent. */
const FAILS = { sql: `SELECT i, CAST(CASE WHEN i = 3000000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(4000000) r(i)` }

const answered = []
/** As one writes it first: no pipeline, no listener, no signal. */
async function onRequest(request, response) {
  const { pathname } = new URL(request.url, 'http://here')
  const result = await client.query(pathname === '/fails' ? FAILS : TEN_MILLION)
  const stream = result.toReadable({ format: 'csv' })
  answered.push({ result, stream, response })
  if (pathname === '/late') {
    response.flushHeaders()
    await until(() => response.destroyed, 'the client has gone')
  }
  stream.pipe(response)
}

const server = createServer(onRequest).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
after(() => server.close())

const warnings = []
process.on('warning', (warning) => warnings.push(warning))

async function head(place) {
  const [response] = await once(get(url + place, { agent: false }), 'response')
  return response
}

test('a failure in mid-stream breaks the answer off, and the process goes on', async () => {
  for (let round = 0; round < 2; round += 1) {
    const response = await head('/fails')
    let size = 0
    await assert.rejects(async () => { for await (const piece of response) size += piece.length }, { code: 'ECONNRESET' })
    assert.ok(size > 1e6 && !response.complete, `${size} bytes`)
    const { result } = answered.at(-1)
    await until(() => result.job.done, 'the job has ended')
    assert.equal(result.job.status, 'failed')
  }
  // Nobody listened: the process says it.
  await until(() => warnings.some(({ name, message }) => name === 'DatasusWarning' && message.startsWith('DS-422')), 'a warning')
})

test('a client that goes away cancels the query', async () => {
  const response = await head('/rows')
  await once(response, 'readable')
  response.destroy()
  const { result, stream } = answered.at(-1)
  await until(() => result.job.done && stream.destroyed, 'the job has ended')
  assert.equal(result.job.status, 'cancelled')
})

test('a client that had gone before the rows began cancels the query as well', async () => {
  const response = await head('/late')
  response.destroy()
  const { result, stream } = answered.at(-1)
  await until(() => result.job.done && stream.destroyed, 'the job has ended')
  assert.equal(result.job.status, 'cancelled')
})

test('an answer over HTTP/2 is broken off and let go in the same way', async () => {
  const second = http2.createServer(onRequest).listen(0, '127.0.0.1')
  await once(second, 'listening')
  const session = http2.connect(`http://127.0.0.1:${second.address().port}`)
  try {
    const failing = session.request({ ':path': '/fails' })
    failing.resume()
    await assert.rejects(once(failing, 'end'), (error) => error.code === 'ERR_HTTP2_STREAM_ERROR')
    await until(() => answered.at(-1).result.job.done, 'the job has ended')
    const leaving = session.request({ ':path': '/rows' })
    await once(leaving, 'data')
    leaving.close(http2.constants.NGHTTP2_CANCEL)
    await until(() => answered.at(-1).result.job.status === 'cancelled', 'the job has ended')
  } finally {
    session.destroy()
    second.close()
  }
})

test('a file that is written to is closed, and not finished', async () => {
  const file = createWriteStream(path.join(folder, 'piped-in-part.csv'))
  let finished = false
  file.on('finish', () => { finished = true })
  const stream = (await client.query(FAILS)).toReadable({ format: 'csv' })
  stream.pipe(file)
  // Not `once`: it would listen to the errors.
  await new Promise((closed) => file.on('close', closed))
  assert.deepEqual({ finished, destroyed: stream.destroyed, there: existsSync(file.path) }, { finished: false, destroyed: true, there: true })
  // And one that cannot be written lets the query go.
  const result = await client.query(TEN_MILLION)
  const nowhere = result.toReadable({ format: 'csv' }).pipe(createWriteStream(path.join(folder, 'no', 'such', 'folder.csv')))
  await once(nowhere, 'error')
  await until(() => result.job.done, 'the job has ended')
  assert.equal(result.job.status, 'cancelled')
})

/** Gives these pieces, then an error or the end. */
function rowsOf(pieces, error) {
  const source = {
    closed: 0,
    async next() {
      if (pieces.length > 0) return Buffer.from(pieces.shift())
      if (error !== undefined) throw error
      return null
    },
    async close() {
      source.closed += 1
    },
  }
  return [new RowsReadable(source), source]
}

test('a target that fails because it is destroyed does not end the process', async () => {
  // As a file does, where a write is under way.
  const target = new Writable({
    write: (piece, encoding, done) => done(),
    destroy: (error, done) => done(error ?? new Error('a write was under way')),
  })
  const [rows] = rowsOf(['some'], new Error('no'))
  rows.pipe(target)
  await new Promise((closed) => target.on('close', closed))
  assert.ok(target.destroyed && rows.destroyed)
})

test('who listens to the errors may still answer, until the first byte was sent', async () => {
  const plain = createServer((request, response) => {
    const [rows] = rowsOf(request.url === '/begun' ? ['some'] : [], new Error('no'))
    rows.on('error', () => { if (!response.headersSent) response.writeHead(500).end('told') })
    rows.pipe(response)
  }).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  const place = `http://127.0.0.1:${plain.address().port}`
  try {
    const told = await fetch(place)
    assert.deepEqual([told.status, await told.text()], [500, 'told'])
    await assert.rejects(fetch(`${place}/begun`).then((response) => response.text()), TypeError)
  } finally {
    plain.close()
  }
})

test('what is not ours to end stays open, and rows that were unpiped are left alone', async () => {
  // The owner of a target that stays open hears of a failure by the stream's own error.
  const open = new PassThrough()
  const [failing] = rowsOf(['some'], new Error('no'))
  const told = once(failing, 'error')
  failing.pipe(open, { end: false })
  await told
  assert.ok(!open.destroyed && !open.writableEnded)

  const [whole, source] = rowsOf(['a', 'b'])
  const [first, second] = [new PassThrough(), new PassThrough()]
  whole.pipe(first)
  whole.unpipe(first)
  first.destroy()
  whole.pipe(second)
  const heard = []
  for await (const piece of second) heard.push(String(piece))
  assert.equal(heard.join(''), 'ab')
  await until(() => source.closed === 1, 'the source is closed')
  assert.equal(whole.listenerCount('error'), 0)
})

test('of two targets one may go, and the other gets every row', async () => {
  const [rows, source] = rowsOf(Array.from({ length: 50 }, (_, place) => `${place}\n`))
  const [staying, leaving] = [new PassThrough(), new PassThrough()]
  rows.pipe(leaving)
  rows.pipe(staying)
  leaving.once('data', () => setImmediate(() => leaving.destroy()))
  let text = ''
  for await (const piece of staying) text += piece
  assert.equal(text.trim().split('\n').length, 50)
  await until(() => source.closed === 1, 'the source is closed')
})
