// Many results open at once, beside a heap of the host's own: what they hold is bounded, counted, and given back.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import path from 'node:path'
import { after, test } from 'node:test'

import { exampleData, open } from 'datasus'

import { folder, gc, until } from './example_folder.mjs'

const native = createRequire(import.meta.resolve('datasus'))('datasus-linux-x64-gnu')
const STREAMS = 16
const MOST_PARKED = 8 * 2 ** 20
// Beyond what is counted: the engine's and the allocators' own.
const BESIDE = 400 * 2 ** 20
const PER_FILE = 20_000
const ROWS = 6 * PER_FILE

const source = path.join(folder, 'wide')
await exampleData(source, PER_FILE)
const client = await open({ source })
const query = { dataset: 'SIH-RD' }
await (await client.query({ ...query, limit: 1 })).toArray()

const gauge = (name) => Number(new RegExp(`^datasus_memory_${name}_bytes (\\d+)`, 'm').exec(client.metrics())[1])
const resident = () => process.memoryUsage().rss
after(() => native.setBudget(null))

/** In a frame of its own: one that waits keeps what its loops held last. */
async function readInTurns(before) {
  const results = []
  for (let n = 0; n < STREAMS; n += 1) results.push((await client.query(query))[Symbol.asyncIterator]())
  let batches = await Promise.all(results.map((result) => result.next()))
  await until(() => gauge('stream') <= STREAMS * MOST_PARKED, 'they are parked')
  const counted = gauge('stream') + gauge('foreign')
  await until(() => (gc(), resident() - before < counted + BESIDE), 'what was read ahead goes back')
  const read = results.map(() => ({ rows: 0, seen: createHash('sha256') }))
  while (batches.some(({ done }) => !done)) {
    for (const [n, { done, value }] of batches.entries()) {
      if (done) continue
      read[n].rows += value.numRows
      // A batch ends where it may: the next one's first value follows.
      read[n].seen.update(`${value.getChild('N_AIH').toArray().join()},`)
    }
    batches = await Promise.all(results.map((result, n) => (batches[n].done ? batches[n] : result.next())))
  }
  return read.map(({ rows, seen }) => ({ rows, seen: seen.digest('hex') }))
}

test('sixteen results that pause hold little, and give every row once', async () => {
  gc()
  const before = resident()
  const read = await readInTurns(before)
  assert.deepEqual(read.map(({ rows }) => rows), Array(STREAMS).fill(ROWS))
  assert.equal(new Set(read.map(({ seen }) => seen)).size, 1, 'the same rows in the same order')
  await until(() => (gc(), gauge('stream') === 0 && gauge('foreign') === 0), 'nothing is held')
  await until(() => (gc(), resident() - before < BESIDE), 'the memory goes back')
})

test('twenty queries beside a JavaScript heap of 135 MB stay within their budget, and nothing of them is kept', async () => {
  const heap = []
  while (process.memoryUsage().heapUsed < 135e6) heap.push(Array.from({ length: 10_000 }, (_, n) => ({ n })))
  gc()
  const before = resident()
  const budget = 3 * 2 ** 30
  native.setBudget(budget)
  let most = before
  const looks = setInterval(() => { most = Math.max(most, resident()) }, 5)
  const rows = await Promise.all(Array.from({ length: 20 }, async () => {
    let rows = 0
    for await (const batch of await client.query(query)) rows += batch.numRows
    return rows
  }))
  clearInterval(looks)
  assert.deepEqual(rows, Array(20).fill(ROWS))
  assert.ok(most - before <= budget * 0.45 + BESIDE, `grew by ${Math.round((most - before) / 1e6)} MB`)
  await until(() => (gc(), resident() - before < BESIDE), 'the memory goes back')
  assert.ok(heap.length > 0)
})
