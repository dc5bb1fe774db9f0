/** Who is told that the service is ready, and who that its answer is of a sample. */

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { Answers } from '../src/answers.js'
import { build } from '../src/app.js'

test('with the memory nearly exhausted the service is alive and not ready, and ready again afterwards', async () => {
  const client = { mode: 'emergency', metrics: () => '' }
  const app = build(client, new Answers())
  const health = async () => {
    const { statusCode, body } = await app.inject('/health')
    return [statusCode, JSON.parse(body)]
  }
  assert.deepEqual(await health(), [503, { live: true, ready: false, memory: 'emergency', answers: 0 }])
  client.mode = 'conservative'
  assert.deepEqual(await health(), [200, { live: true, ready: true, memory: 'conservative', answers: 0 }])
  await app.close()
})

test('an answer of a sample says so in its header, and no other has that header', async () => {
  const result = {
    job: { id: 'a', traceId: 'b' },
    sampling: { fraction: 0.1, seed: 0, method: 'm', rows_seen: 20, rows_kept: 2 },
    toReadable: () => Readable.from(['A\n1\n']),
  }
  const app = build({ query: async () => result }, new Answers())
  const sampled = await app.inject('/internacoes?format=csv')
  assert.deepEqual(JSON.parse(sampled.headers['x-datasus-sampling']), result.sampling)
  result.sampling = null
  result.toReadable = () => Readable.from(['A\n1\n'])
  assert.equal((await app.inject('/internacoes?format=csv')).headers['x-datasus-sampling'], undefined)
  await app.close()
})
