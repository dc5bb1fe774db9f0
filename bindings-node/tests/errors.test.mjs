import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import * as datasus from 'datasus'

import { client, folder } from './example_folder.mjs'

const require = createRequire(import.meta.url)
// The addon itself, for what only tests ask of it.
const native = require('datasus-linux-x64-gnu')

test('every code of the core has its class, and its own word on whether to try again', async () => {
  const { typed } = require(require.resolve('datasus').replace(/index\.js$/, 'errors.js'))
  for (const { code, retryable } of native.codes()) {
    const error = typed(new Error(JSON.stringify({ error_code: code, detail: 'x', retryable })))
    assert.ok(error instanceof datasus.DatasusError && error.constructor !== datasus.DatasusError, code)
    assert.equal(error.name, error.constructor.name)
    assert.deepEqual([error.code, error.retryable], [code, retryable])
  }
})

test('every problem is told at once, with facts for programs', async () => {
  const wrong = { dataset: 'SIH-RD', uf: 'XX', competencia: '2024-M1', columns: ['CNES', 'VALTOT'] }
  const error = await client.query(wrong).catch((caught) => caught)
  assert.ok(error instanceof datasus.InvalidParams && error instanceof Error)
  assert.equal(error.code, 'DS-422')
  assert.equal(error.problems.length, 3)
  assert.match(error.message, /^DS-422: .*\n- DS-422: /)
  assert.equal(error.toJSON().error_code, 'DS-422')
  assert.equal(JSON.parse(JSON.stringify(error)).problems.length, 3)
  assert.match(error.traceId, /^[0-9a-f]{8}$/)
  assert.equal(error.retryable, false)
  // Where the caller asked, and not only where we answered.
  assert.match(error.stack, /errors\.test\.mjs/)
})

test('what is asked wrongly is refused as in every language', async () => {
  const code = async (call) => (await call.catch((error) => error)).code
  assert.equal(await code(client.query({ dataset: 'SIH-RX' })), 'DS-404')
  assert.equal(await code(client.query({ dataset: 'SIH-RD', competencia: '209901' })), 'DS-404')
  assert.equal(await code(client.query({ dataset: 'SIH-RD', colums: ['CNES'] })), 'DS-400')
  assert.equal(await code(client.query('{"dataset":')), 'DS-400')
  assert.equal(await code(client.query({ sql: `SELECT * FROM read_csv('/etc/passwd')` })), 'DS-403')
  assert.equal(await code(client.submit({ dataset: 'SIH-RD' }, { to: { cvs: {} } })), 'DS-400')
  assert.equal(await code(client.export({ dataset: 'SIH-RD' }, { to: datasus.csv('../outside.csv') })), 'DS-403')
  assert.equal(await code(client.resume('01ARZ3NDEKTSV4RRFFQ69G5FAV')), 'DS-404')
  assert.equal(await code(datasus.open({ source: folder, treads: 2 })), 'DS-400')
  assert.throws(() => client.schema('SIH-RX'), datasus.NotFound)
  await assert.rejects(client.query({ dataset: 'SIH-RD', limit: NaN }), datasus.InvalidParams)
  const closed = await datasus.open(folder)
  await closed.close()
  await assert.rejects(closed.datasets(), datasus.Conflict)
})

test('who asks too often is told when to come back', async () => {
  const limited = await datasus.open({ source: folder, rateLimit: 1 })
  const ask = async (rateKey) => (await (await limited.query({ dataset: 'SIH-RD', columns: ['CNES'], limit: 1, options: { rateKey } })).toArray()).length
  assert.equal(await ask('ana'), 1)
  const error = await ask('ana').catch((caught) => caught)
  assert.deepEqual([error.code, error.retryable, error.diagnostic.limit], ['DS-429', true, 1])
  assert.ok(error.diagnostic.retry_after_sec >= 1 && error.diagnostic.retry_after_sec <= 60)
  assert.deepEqual([await ask('bia'), await ask(undefined), await ask(undefined)], [1, 1, 1])
  await limited.close()
})

test('a number beyond a double reaches the core with all its digits', async () => {
  const result = await client.query({ sql: 'SELECT $n AS n', bind: { n: 9007199254740993n } })
  assert.deepEqual(await result.toArray(), [{ n: 9007199254740993n }])
})

test('a panic is DS-500, at once and in a thread, and everything works on', async () => {
  assert.throws(() => native.panicOnPurpose(false), /DS-500/)
  await assert.rejects(native.panicOnPurpose(true), /DS-500/)
  // Of a wrong kind from JavaScript itself.
  assert.throws(() => native.open(1, 2), /String/)
  assert.equal((await (await client.query({ dataset: 'SIH-RD' })).toArray()).length, 600)
})

test('CommonJS and ESM have the same classes', () => {
  const required = require('datasus')
  for (const name of Object.keys(datasus)) {
    if (!['open', 'readDbc', 'default'].includes(name)) assert.equal(required[name], datasus[name], name)
  }
  assert.deepEqual(Object.keys(required).sort(), Object.keys(datasus).filter((name) => name !== 'default').sort())
})
