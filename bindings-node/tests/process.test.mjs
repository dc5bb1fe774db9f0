import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { client, ENDLESS, gc, QUIET, source, until } from './example_folder.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Runs a module's text in a process of its own; what it says, and how it ends. */
async function ran(code, ...flags) {
  const text = `import * as datasus from 'datasus'\nconst client = await datasus.open({ source: ${JSON.stringify(source)}, output: process.env.OUT })\n${code}`
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', text], {
    cwd: here, timeout: 240_000, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [said, complained] = ['', '']
  child.stdout.on('data', (some) => { said += some })
  child.stderr.on('data', (some) => { complained += some })
  const [code_, signal] = await new Promise((ended) => child.on('close', (...how) => ended(how)))
  return { said, complained, code: code_, signal }
}

const endless = JSON.stringify(ENDLESS)

for (const [what, end, wanted] of [
  ['process.exit', 'process.exit(7)', 7],
  ['an exception that nobody caught', 'setImmediate(() => { throw new Error("boom") })', 1],
  ['its end', '', 0],
]) {
  test(`a process ends by ${what} with jobs at work, without a crash or a hang`, async () => {
    const { code, signal, complained } = await ran(`
      const result = await client.query({ sql: 'SELECT * FROM range(100000000) r(i)' })
      await result[Symbol.asyncIterator]().next()
      for (let n = 0; n < 4; n += 1) await client.submit(${endless}, { to: datasus.csv('exit' + process.pid + n + '.csv') })
      await new Promise((go) => setTimeout(go, 300))
      ${end}`)
    assert.deepEqual([code, signal], [wanted, null], complained)
  })
}

test('a query that is awaited keeps the process alive until it is there', async () => {
  const { said, complained } = await ran(`client.query({ dataset: 'SIH-RD' }).then((r) => r.toArray()).then((rows) => console.log(rows.length))`)
  assert.equal(said, '600\n', complained)
})

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { open } = require('datasus')
  open(workerData.source).then(async (client) => {
    for (let round = 0; round < workerData.rounds; round += 1) {
      const table = await (await client.query({ dataset: 'SIH-RD', columns: ['CNES', 'VAL_TOT'] })).toTable()
      if (table.numRows !== 600) throw new Error(String(table.numRows))
    }
    parentPort.postMessage('done')
    if (workerData.endless) {
      const work = client.query(workerData.endless).then((result) => result.toArray())
      parentPort.postMessage('endless')
      await work
    }
  })`

test('four workers work side by side, on one governor', async () => {
  const done = Array.from({ length: 4 }, () => new Promise((ended, failed) => {
    const worker = new Worker(WORKER, { eval: true, workerData: { source, rounds: 20 } })
    worker.on('error', failed)
    worker.on('exit', ended)
  }))
  assert.deepEqual(await Promise.all(done), [0, 0, 0, 0])
})

test('a worker that is terminated takes its jobs along, and nobody else', async () => {
  const running = () => Number(/^datasus_jobs_running (\d+)/m.exec(client.metrics())[1])
  for (let round = 0; round < 3; round += 1) {
    const workers = Array.from({ length: 4 }, () => new Worker(WORKER, { eval: true, workerData: { source, rounds: 1, endless: ENDLESS } }))
    await Promise.all(workers.map((worker) => new Promise((begun) => worker.on('message', (said) => said === 'endless' && begun()))))
    const ours = client.query({ dataset: 'SIH-RD' }).then((result) => result.toArray())
    await Promise.all(workers.map((worker) => worker.terminate()))
    assert.equal((await ours).length, 600)
    await until(() => running() === 0, 'their jobs end')
  }
})

test('an addon that only a worker loaded stays in memory while its threads are in it', async () => {
  const lone = spawn(process.execPath, ['-e', `
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: ${JSON.stringify({ source, rounds: 1, endless: ENDLESS })} })
    worker.on('message', (said) => { if (said === 'endless') setTimeout(() => worker.terminate().then(() => setTimeout(() => console.log('alive'), 500)), 200) })`],
  { cwd: here, timeout: 240_000, killSignal: 'SIGKILL' })
  let heard = ''
  lone.stdout.on('data', (some) => { heard += some })
  const how = await new Promise((ended) => lone.on('close', (...given) => ended(given)))
  assert.deepEqual([how, heard], [[0, null], 'alive\n'])
})

test('many small queries leave nothing behind', async () => {
  const rounds = QUIET ? 10_000 : 600
  const held = () => ({
    rss: Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024,
    threads: Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]),
    external: process.memoryUsage().external,
  })
  const once = async (n) => {
    const result = await client.query({ dataset: 'SIH-RD', uf: 'AC', competencia: '202401', columns: ['CNES', 'VAL_TOT'] })
    if (n % 3 === 0) await result.toTable()
    else if (n % 3 === 1) await result.toArray()
    else for await (const _ of result) break
  }
  for (let n = 0; n < 200; n += 1) await once(n)
  gc()
  const before = held()
  for (let n = 0; n < rounds; n += 1) await once(n)
  gc()
  await until(() => (gc(), held().external < before.external + 2e6), 'external memory goes back')
  const after = held()
  const each = (after.rss - before.rss) / rounds
  if (QUIET) console.log(JSON.stringify({ before, after, each }))
  // A kilobyte a query, once thousands of them smooth out what the allocators keep.
  assert.ok(after.rss - before.rss < Math.max(30e6, rounds * 1024), `${before.rss} to ${after.rss} bytes`)
  assert.ok(after.threads <= before.threads + 4, `${before.threads} to ${after.threads} threads`)
})

test('memory that rises is offered to the garbage collector, where it is exposed', async () => {
  const { said, complained } = await ran(`
    const native = (await import('node:module')).createRequire(process.cwd() + '/x.js')('datasus-linux-x64-gnu')
    native.setBudget(process.memoryUsage().rss * 1.2)
    for (let n = 0; n < 400 && globalThis.collected === 0; n += 1) await new Promise((go) => setTimeout(go, 50))
    console.log('asked for', globalThis.collected)`,
  '--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(`
    const real = globalThis.gc
    globalThis.collected = 0
    globalThis.gc = () => { globalThis.collected += 1; real() }`)}`)
  assert.match(said, /asked for [1-9]/, complained + said)
})

for (const order of [['datasus', '@duckdb/node-api'], ['@duckdb/node-api', 'datasus']]) {
  test(`${order.join(' and then ')} in one process each have their own engine`, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', `
      const loaded = {}
      for (const name of ${JSON.stringify(order)}) loaded[name] = await import(name)
      const connection = await (await loaded['@duckdb/node-api'].DuckDBInstance.create(':memory:')).connect()
      const client = await loaded.datasus.open(${JSON.stringify(source)})
      for (let n = 0; n < 3; n += 1) {
        const theirs = (await connection.runAndReadAll('SELECT count(*)::INTEGER AS n FROM range(1000)')).getRows()[0][0]
        const ours = await (await client.query({ sql: 'SELECT count(*) AS n FROM sih_rd' })).toArray({ integers: 'number' })
        console.log(theirs, ours[0].n)
      }`], { cwd: here, timeout: 240_000, killSignal: 'SIGKILL' })
    let [said, complained] = ['', '']
    child.stdout.on('data', (some) => { said += some })
    child.stderr.on('data', (some) => { complained += some })
    const how = await new Promise((ended) => child.on('close', (...given) => ended(given)))
    assert.deepEqual([how, said], [[0, null], '1000 600\n'.repeat(3)], complained)
  })
}
