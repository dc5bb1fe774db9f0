/** Many readers at once. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import autocannon from 'autocannon'

import { madeFolder, startService } from './service.js'

const MB = 1e6
let made
let service

before(async () => {
  made = await madeFolder(1_000)
  service = await startService(made.folder)
})

after(async () => {
  await service?.stop()
  await made?.remove()
})

test('under load every answer comes, whole, and memory does not grow without bound', async () => {
  const formats = ['csv', 'ndjson', 'arrow']
  const requests = formats.map((format) => ({ path: `/internacoes?uf=AC&competencia=202401&format=${format}` }))
  const load = (amount) => autocannon({ url: service.url, connections: 16, amount, requests, timeout: 240 })
  // What the engine and Node take once is no growth.
  await load(160)
  const before = await service.metrics()
  const result = await load(400)
  const later = await service.metrics()
  assert.deepEqual([result.errors, result.timeouts, result.non2xx, result.mismatches], [0, 0, 0, 0])
  assert.equal(result['2xx'], 400)
  // Less than the answers themselves by far: each is a third of a megabyte. Allocators keep some of what they were given back.
  const grown = (name) => later[name] - before[name]
  assert.ok(grown('process_resident_memory_bytes') < 128 * MB, `RSS: ${grown('process_resident_memory_bytes')}`)
  assert.ok(grown('nodejs_external_memory_bytes') < 64 * MB, `external: ${grown('nodejs_external_memory_bytes')}`)
  await service.until((metrics) => metrics['service_open_answers'] === 0)
  assert.equal(later['datasus_jobs_total{status="failed"}'] ?? 0, 0)
  console.log(
    `${result['2xx']} answers in ${result.duration} s, p99 ${result.latency.p99} ms, RSS ${before['process_resident_memory_bytes'] / MB} -> ` +
      `${later['process_resident_memory_bytes'] / MB} MB`,
  )
})
