/** Slow readers, readers that leave, failures in mid-stream, and the end of the service. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { madeFolder, startService } from './service.js'

const MB = 1e6
const ROWS = 300_000
let made

before(async () => {
  made = await madeFolder(ROWS / 6)
})

after(() => made?.remove())

async function withService(settings, use) {
  const service = await startService(made.folder, settings)
  try {
    return await use(service)
  } finally {
    await service.stop('SIGKILL')
  }
}

/** Reads the rest of an answer; rejects where the connection breaks off. */
async function rest(response, size = { bytes: 0, lines: 0 }) {
  for await (const piece of response) {
    size.bytes += piece.length
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) size.lines += 1
  }
  return size
}

test('a slow reader of a large answer makes the service hold a few batches, and gets every row', () =>
  withService({}, async (service) => {
    const response = await service.ask('/internacoes?format=csv')
    // What is read ahead of it is there by then.
    await service.until((metrics) => metrics['datasus_jobs_parked'] === 1)
    const samples = []
    for (let tries = 0; tries < 30; tries += 1) {
      samples.push(await service.metrics())
      await sleep(100)
    }
    const most = (name) => Math.max(...samples.map((sample) => sample[name]))
    assert.equal(most('service_open_answers'), 1)
    assert.ok(most('nodejs_external_memory_bytes') < 30 * MB, `held: ${most('nodejs_external_memory_bytes')}`)
    const grown = most('process_resident_memory_bytes') - samples[0]['process_resident_memory_bytes']
    assert.ok(grown < 30 * MB, `grown: ${grown}`)

    const { bytes, lines } = await rest(response)
    assert.ok(bytes > 90 * MB, `an answer that is large: ${bytes}`)
    assert.equal(lines, ROWS + 1)
  }))

test('a reader that goes away in the middle cancels the query', () =>
  withService({}, async (service) => {
    const response = await service.ask('/internacoes?format=arrow')
    await response[Symbol.asyncIterator]().next()
    response.destroy()
    await service.until(
      (metrics) => metrics['datasus_jobs_total{status="cancelled"}'] === 1 && metrics['service_open_answers'] === 0,
    )
  }))

/** A service that has yet to convert every file, and waits for another process that converts one of them and never ends. */
async function withConversion(settings, use) {
  const lake = await mkdtemp(path.join(os.tmpdir(), 'datasus-service-lake-'))
  const partition = path.join(lake, 'sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01')
  await mkdir(partition, { recursive: true })
  const lock = path.join(partition, '.RDAC2401.lock')
  const other = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 3600'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(other, 'exit')
  try {
    await once(other.stdout, 'data')
    return await withService({ DATASUS_LAKE: lake, ...settings }, (service) => use(service, lake))
  } finally {
    other.kill('SIGKILL')
    await ended
    await rm(lake, { recursive: true, force: true })
  }
}

test('a reader that goes away before the first row cancels the conversion', () =>
  withConversion({}, async (service, lake) => {
    const gone = new AbortController()
    const asked = fetch(`${service.url}/internacoes`, { signal: gone.signal })
    await service.until((metrics) => metrics['service_open_answers'] === 1)
    gone.abort()
    await assert.rejects(asked, { name: 'AbortError' })
    await service.until(
      (metrics) => metrics['datasus_jobs_total{status="cancelled"}'] === 1 && metrics['service_open_answers'] === 0,
    )
    const converted = (await readdir(lake, { recursive: true })).filter((name) => name.endsWith('.parquet'))
    assert.ok(converted.length < 6, `of six files: ${converted}`)
  }))

test('an answer whose deadline passes before the first row is 504', () =>
  withConversion({ DATASUS_DEADLINE: '1' }, async (service) => {
    const response = await service.ask('/internacoes')
    assert.equal(response.statusCode, 504)
    assert.equal((await json(response)).error_code, 'DS-504')
  }))

test('an answer that fails in the middle breaks off, and is not taken for a whole one', () =>
  withService({ DATASUS_DEADLINE: '10' }, async (service) => {
    const response = await service.ask('/internacoes?format=ndjson')
    assert.equal(response.statusCode, 200)
    await service.until((metrics) => metrics['datasus_jobs_total{status="failed"}'] === 1)
    const size = { bytes: 0, lines: 0 }
    await assert.rejects(rest(response, size), { code: 'ECONNRESET' })
    assert.ok(size.lines > 0 && size.lines < ROWS, String(size.lines))
    assert.ok(!response.complete)
    await service.until((metrics) => metrics['service_open_answers'] === 0)
  }))

test('too many readers that do not read are 429 for the next one, who is told when to come back', () =>
  withService({ DATASUS_CHUNK_ROWS: '2048' }, async (service) => {
    const open = []
    let refused
    while (refused === undefined && open.length < 100) {
      const response = await service.ask('/internacoes?format=csv')
      if (response.statusCode === 200) open.push(response)
      else refused = response
    }
    assert.equal(refused?.statusCode, 429)
    assert.equal(refused.headers['retry-after'], '5')
    assert.equal((await json(refused)).error_code, 'DS-429')
    for (const response of open) response.destroy()
    await service.until((metrics) => metrics['service_open_answers'] === 0 && metrics['datasus_jobs_parked'] === 0)
    const { lines } = await rest(await service.ask('/internacoes?uf=AC&competencia=202401'))
    assert.equal(lines, ROWS / 6 + 1)
  }))

/** Its exit code, within four minutes. */
const ended = (service) => Promise.race([service.ended.then(([code, by]) => code ?? by), sleep(240_000, 'late', { ref: false })])

test('told to stop, the service lets an answer end, refuses others and says so, and exits with 0', () =>
  withService({ GRACE: '120' }, async (service) => {
    const response = await service.ask('/internacoes?format=csv')
    service.child.kill('SIGTERM')
    let health = await service.ask('/health')
    for (let tries = 0; health.statusCode === 200 && tries < 600; tries += 1) {
      health.resume()
      await sleep(100)
      health = await service.ask('/health')
    }
    assert.equal(health.statusCode, 503)
    assert.deepEqual(await json(health), { live: true, ready: false, memory: 'normal', answers: 1 })
    const refused = await service.ask('/internacoes')
    assert.deepEqual([refused.statusCode, refused.headers['retry-after'], refused.headers['connection']], [503, '5', 'close'])
    refused.resume()

    const { lines } = await rest(response)
    assert.equal(lines, ROWS + 1)
    assert.equal(await ended(service), 0)
    await assert.rejects(fetch(`${service.url}/health`))
  }))

test('told to stop, the service breaks off what does not end in its grace, and exits with 0', () =>
  withService({ GRACE: '0.5' }, async (service) => {
    const response = await service.ask('/internacoes?format=csv')
    service.child.kill('SIGTERM')
    assert.equal(await ended(service), 0)
    assert.equal(service.log.find(({ msg }) => msg === 'stopped')?.broken, 1)
    await assert.rejects(rest(response), { code: 'ECONNRESET' })
  }))
