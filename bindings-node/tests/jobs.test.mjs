import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

import { Cancelled, csv, onLog, open, parquet } from 'datasus'

import { client, ENDLESS, folder, QUIET, source, TEN_MILLION, until } from './example_folder.mjs'

const query = { dataset: 'SIH-RD', columns: ['CNES', 'VAL_TOT'] }

test('an aborted signal cancels what runs, and says why', async () => {
  for (const asked of [
    (signal) => client.query(ENDLESS, { signal }).then((result) => result.toArray()),
    (signal) => client.query(ENDLESS, { signal }).then((result) => result.toTable()),
    (signal) => client.export(ENDLESS, { to: csv('endless.csv'), signal }),
  ]) {
    const control = new AbortController()
    const work = asked(control.signal)
    setTimeout(() => control.abort(new Error('enough')), 200)
    const error = await work.catch((caught) => caught)
    assert.ok(error instanceof Cancelled, String(error))
    assert.equal(error.cause.message, 'enough')
  }
  assert.ok(!existsSync(path.join(folder, 'output', 'endless.csv')))
  assert.equal((await (await client.query(query)).toArray()).length, 600)
})

test('what people write is understood, and progress tells its phase', async () => {
  for (const competencia of [202401, '2024-01', '01/2024', { from: 202401, to: '2024-01' }]) {
    const rows = await (await client.query({ dataset: 'rd', uf: 'acre', competencia, aggregates: { n: 'count(*)' } })).toArray()
    assert.deepEqual(rows, [{ n: 100n }])
  }
  const job = await client.submit({ ...query, uf: 12 }, { to: ['said.csv', 'said.parquet'] })
  const told = []
  for await (const event of job) told.push(event)
  const { progress } = told.at(-1)
  assert.deepEqual([progress.phase, progress.fraction, progress.remainingSec, progress.rowsTotal], ['loading', 1, null, 300])
  assert.ok(progress.elapsedSec >= 0)
  assert.ok(existsSync(path.join(folder, 'output', 'said.csv')))
  const known = client.catalog()
  assert.ok(known.length > (await client.datasets()).datasets.length)
  assert.equal(known.find((one) => one.dataset === 'SIM-DO').table, 'sim_do')
  const tables = await (await client.query({ sql: 'SHOW TABLES' })).toArray()
  assert.equal(tables.length, known.length)
})

test('soon after the signal the work has ended', async () => {
  const late = []
  for (let round = 0; round < 5; round += 1) {
    const control = new AbortController()
    const job = await client.submit(ENDLESS, { to: csv(`late${round}.csv`), signal: control.signal })
    await until(() => job.status === 'running', 'it runs')
    await new Promise((go) => setTimeout(go, 100))
    const asked = performance.now()
    control.abort()
    await assert.rejects(job.report(), Cancelled)
    late.push(performance.now() - asked)
  }
  // The best of five. It would take hours; within 100 ms it ends where nothing else is at work.
  assert.ok(Math.min(...late) < (QUIET ? 100 : 30_000), `${late.map(Math.round)} ms`)
})

test('a signal that was aborted before begins nothing, and one that outlives the job is let go', async () => {
  await assert.rejects(client.query(query, { signal: AbortSignal.abort() }), Cancelled)
  await assert.rejects(client.sync(query, { signal: AbortSignal.abort() }), Cancelled)
  const { signal } = new AbortController()
  let listeners = 0
  const watched = new Proxy(signal, {
    get(of, name) {
      if (name === 'addEventListener') return (...given) => { listeners += 1; of.addEventListener(...given) }
      if (name === 'removeEventListener') return (...given) => { listeners -= 1; of.removeEventListener(...given) }
      const value = Reflect.get(of, name)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
  await (await client.query(query, { signal: watched })).toArray()
  await until(() => listeners === 0, 'the listener is removed')
})

test('events tell each status in order, and progress', async () => {
  const job = await client.submit(query, { to: [csv('events.csv'), parquet('events.parquet')] })
  const seen = []
  for await (const { status, progress } of job) seen.push([status, progress.rows])
  assert.deepEqual(seen.at(-1), ['completed', 600])
  const order = ['queued', 'running', 'parked', 'retrying', 'completed']
  const places = seen.map(([status]) => order.indexOf(status))
  assert.deepEqual(places, [...places].sort((a, b) => a - b))
  const report = await job.report()
  assert.deepEqual(report.storage, { csv: 'events.csv', parquet: 'events.parquet' })
  assert.ok(job.done)
  assert.equal(job.toJSON().status, 'completed')
})

test('two loops and many waiters see the same job', async () => {
  const job = await client.submit(TEN_MILLION, { to: parquet('many.parquet') })
  const count = async () => { let n = 0; for await (const _ of job) n += 1; return n }
  const [reports, loops] = await Promise.all([Promise.all(Array.from({ length: 50 }, () => job.report())), Promise.all([count(), count()])])
  assert.ok(reports.every((report) => report.recordsProcessed === 10_000_000))
  assert.ok(loops.every((n) => n > 2), String(loops))
})

test('everything that is told has keys in camel case, and its JSON is the contract’s', async () => {
  const camel = (told, at) => {
    if (Array.isArray(told)) return told.forEach((one) => camel(one, at))
    if (told === null || typeof told !== 'object') return
    for (const [key, value] of Object.entries(told)) {
      assert.doesNotMatch(key, /_/, `${at}.${key}`)
      camel(value, `${at}.${key}`)
    }
  }
  const query = { dataset: 'SIH-RD', uf: 'AC', columns: ['CNES'] }
  const report = await client.export(query, { to: csv('camel.csv', { overwrite: true }) })
  assert.equal(typeof report.performance.durationSec, 'number')
  assert.deepEqual([report.status, report.cache, report.sources[0].crc], ['completed', 'off', 'ok'])
  const all = {
    report,
    sync: await client.sync(query),
    explain: await client.explain(query),
    estimate: await client.estimate(query),
    datasets: await client.datasets(),
    catalog: client.catalog(),
    schema: client.schema('SIH-RD').catalog,
  }
  for (const [at, told] of Object.entries(all)) camel(told, at)
  const json = JSON.parse(JSON.stringify(report))
  assert.equal(json.records_processed, report.recordsProcessed)
  assert.equal(json.performance.duration_sec, report.performance.durationSec)
  assert.equal(JSON.parse(JSON.stringify(report.performance)).duration_sec, report.performance.durationSec)
  const error = await client.query({ dataset: 'SIH-RD', uf: 'XX', columns: ['NADA'] }).catch((thrown) => thrown)
  assert.deepEqual(error.problems.map((problem) => problem.errorCode), ['DS-422', 'DS-422'])
  assert.equal(JSON.parse(JSON.stringify(error)).problems[0].error_code, 'DS-422')
})

test('what is known of files and datasets comes typed', async () => {
  const held = await client.datasets()
  assert.deepEqual(held.ignored, [])
  assert.deepEqual(held.datasets.find(({ dataset }) => dataset === 'SIH-RD').ufs, ['AC', 'RR'])
  const schema = client.schema('SIH-RD')
  assert.equal(schema.columns.find(({ name }) => name === 'VAL_TOT').type, 'decimal(14, 2)')
  assert.deepEqual((await client.explain({ ...query, uf: 'AC' })).files, { read: 3, present: 6 })
  const expected = await client.estimate({ ...query, uf: 'AC' })
  assert.equal(expected.rows.low, expected.rows.high)
  assert.deepEqual([expected.engine, expected.filesToDownload], ['scan', 0])
  assert.equal((await client.sync({ dataset: 'SIM-DO' })).files, 2)
  assert.deepEqual(await client.jobs(), [])
  assert.match(client.metrics(), /datasus_memory_pressure_ratio/)
  assert.match(client.openMetrics(), /# EOF\n$/)
  client.setMaintenance(true)
  assert.equal(client.mode, 'maintenance')
  client.setMaintenance(false)
  assert.equal(client.mode, 'normal')
})

test('log lines reach the logger, from the level on that it asked for', async () => {
  const lines = []
  onLog((level, line) => lines.push([level, line]), 'debug')
  const here = await open({ source, output: folder })
  await here.export(query, { to: csv('logged.csv') })
  await until(() => lines.some(([level]) => level === 'info'), 'a line')
  // Whichever thread it comes from, it says of which job it is, and of which stage.
  await until(() => lines.some(([, line]) => /^stage ended trace_id=\w{8} job_id=\w{26} stage=sink /.test(line)), 'the line of a stage')
  assert.ok(lines.every(([level, line]) => ['debug', 'info', 'warn', 'error'].includes(level) && line.length > 0))
  onLog(null)
  assert.throws(() => onLog(() => undefined, 'loud'), { code: 'DS-422' })
})
