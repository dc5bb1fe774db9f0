/** SQL of users has a process of its own. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { json } from 'node:stream/consumers'
import { after, test } from 'node:test'

import { madeFolder, startService } from './service.js'

const made = await madeFolder(20)
after(made.remove)

const count = { sql: 'SELECT count(*) AS n FROM sih_rd' }
const endless = { sql: 'SELECT sum(a.r * b.r) AS n FROM range(100000000) a(r), range(100000000) b(r)' }
const headers = { 'content-type': 'application/json', accept: 'application/x-ndjson' }

/** Processes that the service has started for SQL. */
function workers(service) {
  return readdirSync('/proc').filter((name) => {
    try {
      const [, command, parent] = /\((.*)\) \S+ (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))
      return command === 'datasus-worker' && Number(parent) === service.child.pid
    } catch {
      return false
    }
  })
}

test('its end is that of one answer, and the service lives', async () => {
  const service = await startService(made.folder)
  const asked = service.ask('/query', headers, JSON.stringify(endless))
  await service.until((metrics) => metrics['datasus_engine_workers{state="running"}'] === 1)
  for (const one of workers(service)) process.kill(Number(one), 'SIGKILL')
  const answer = await asked
  const error = await json(answer)
  assert.deepEqual([answer.statusCode, error.error_code, error.diagnostic.signal], [500, 'DS-500', 9])
  const counted = await service.ask('/query', headers, JSON.stringify(count))
  assert.equal(counted.statusCode, 200)
  assert.ok(Number((await json(counted)).n) > 0)
  assert.equal(await service.stop(), 0)
})

test('the environment turns it off', async () => {
  const service = await startService(made.folder, { DATASUS_ISOLATION: 'none' })
  assert.equal((await service.ask('/query', headers, JSON.stringify(count))).statusCode, 200)
  assert.ok(!Object.keys(await service.metrics()).some((name) => name.includes('engine_workers')))
  assert.equal(await service.stop(), 0)
})
