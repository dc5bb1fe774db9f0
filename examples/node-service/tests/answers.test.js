/** What the service answers is what the client's own query gives, and errors are the contract's. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { buffer, json, text } from 'node:stream/consumers'

import { tableFromIPC } from 'apache-arrow'

import { madeFolder, startService } from './service.js'

const COLUMNS = ['N_AIH', 'DIAG_PRINC', 'DT_INTER', 'IDADE', 'VAL_TOT']
const PLACE = `/internacoes?uf=AC&competencia=202401&columns=${COLUMNS}`
let made
let service

before(async () => {
  made = await madeFolder(3_000)
  service = await startService(made.folder)
})

after(async () => {
  await service?.stop()
  await made?.remove()
})

const own = () => made.client.query({ dataset: 'SIH-RD', uf: 'AC', competencia: '202401', columns: COLUMNS })
const refused = async (place, headers) => {
  const response = await service.ask(place, headers)
  return { ...(await json(response)), status: response.statusCode }
}

test('CSV is byte by byte what the client writes', async () => {
  const response = await service.ask(`${PLACE}&format=csv`)
  assert.equal(response.headers['content-type'], 'text/csv; charset=utf-8')
  const answer = await buffer(response)
  assert.deepEqual(answer, await buffer((await own()).toReadable({ format: 'csv' })))
  assert.equal(answer.toString().trimEnd().split(/\r?\n/).length, 3_001)
})

test('NDJSON has every row, as the Accept header wants it', async () => {
  const response = await service.ask(PLACE, { accept: 'text/html, application/x-ndjson;q=0.9, */*;q=0.1' })
  assert.equal(response.headers['content-type'], 'application/x-ndjson')
  const rows = (await text(response))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const numbers = (row) => ({ ...row, VAL_TOT: Number(row.VAL_TOT) })
  assert.deepEqual(rows, (await (await own()).toArray({ integers: 'number' })).map(numbers))
})

test('Arrow is read back by apache-arrow, with its types', async () => {
  const response = await service.ask(PLACE, { accept: 'application/vnd.apache.arrow.stream' })
  assert.equal(response.headers['content-type'], 'application/vnd.apache.arrow.stream')
  const answer = tableFromIPC(await buffer(response))
  const table = await (await own()).toTable()
  assert.equal(answer.numRows, 3_000)
  assert.equal(String(answer.schema), String(table.schema))
  assert.equal(String(answer), String(table))
})

test('CSV is what comes where nothing is wanted in particular', async () => {
  const response = await service.ask(`${PLACE}&limit=2`)
  assert.equal(response.headers['content-type'], 'text/csv; charset=utf-8')
  assert.equal((await text(response)).trimEnd().split(/\r?\n/).length, 3)
})

test('the trace of an answer leads to its log lines', async () => {
  const response = await service.ask(PLACE)
  await buffer(response)
  const trace = response.headers['x-trace-id']
  assert.match(trace, /^\w+$/)
  await service.until(() =>
    service.log.some(({ name, msg }) => name === 'datasus' && msg.includes(`completed trace_id=${trace}`)),
  )
})

test('everything that is wrong with a query is told at once, as 422', async () => {
  const error = await refused('/internacoes?uf=XX&competencia=2024-M1&columns=VALTOT')
  assert.deepEqual([error.status, error.error_code], [422, 'DS-422'])
  assert.equal(error.problems.length, 3)
  assert.match(JSON.stringify(error.problems), /VAL_TOT/)
})

test('a month that is not there is 404, an unknown key 422, an unknown format 422 or 406, an unknown address 404', async () => {
  const codes = async (place, headers) => {
    const { status, error_code } = await refused(place, headers)
    return [status, error_code]
  }
  assert.deepEqual(await codes('/internacoes?uf=AC&competencia=202312'), [404, 'DS-404'])
  assert.deepEqual(await codes('/internacoes?estado=AC'), [422, 'DS-422'])
  assert.deepEqual(await codes('/internacoes?format=xml'), [422, 'DS-422'])
  assert.deepEqual(await codes('/internacoes', { accept: 'image/png' }), [406, 'DS-400'])
  assert.deepEqual(await codes('/internacao'), [404, 'DS-404'])
  assert.deepEqual(await codes('/internacoes?limit=all'), [400, 'DS-400'])
})

test('health and metrics tell of a service that is well', async () => {
  const response = await service.ask('/health')
  assert.equal(response.statusCode, 200)
  assert.deepEqual(await json(response), { live: true, ready: true, memory: 'normal', answers: 0 })
  const metrics = await service.metrics()
  assert.ok(metrics['datasus_jobs_total{status="completed"}'] >= 5)
  assert.ok(metrics['process_resident_memory_bytes'] > 1e7)
})
