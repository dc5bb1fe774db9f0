import assert from 'node:assert/strict'
import { test } from 'node:test'

import { client, TEN_MILLION } from './example_folder.mjs'

/** Gaps between the ticks of a timer of 10 ms while `work` runs, in ms beyond those 10. */
async function lagsDuring(work) {
  const lags = []
  let last = performance.now()
  const ticker = setInterval(() => {
    const now = performance.now()
    lags.push(Math.max(0, now - last - 10))
    last = now
  }, 10)
  // However fast the machine: as often as it takes for the timer to have a say.
  do await work(); while (lags.length <= 10)
  clearInterval(ticker)
  return lags.sort((a, b) => a - b)
}

async function bestOf(rounds, work, greatest99) {
  let best
  for (let round = 0; round < rounds; round += 1) {
    const lags = await lagsDuring(work)
    const [p99, most] = [lags[Math.floor(lags.length * 0.99)], lags.at(-1)]
    if (best === undefined || most < best.most) best = { p99, most }
    // The machine may be busy, the SDK may not: one round without a gap shows it.
    if (best.p99 <= greatest99 && best.most <= 50) break
  }
  return best
}

test('the event loop ticks on during a query of ten million rows', async () => {
  const { p99, most } = await bestOf(6, async () => {
    assert.equal((await (await client.query(TEN_MILLION)).toTable()).numRows, 10_000_000)
  }, 20)
  assert.ok(p99 <= 20 && most <= 50, `p99 ${p99} ms, most ${most} ms`)
})

test('the event loop ticks on while rows become bytes and objects', async () => {
  const { p99, most } = await bestOf(6, async () => {
    const million = { sql: TEN_MILLION.sql.replace('10000000', '1000000') }
    for await (const _ of (await client.query(million)).toReadable({ format: 'csv' }));
    await (await client.query({ sql: TEN_MILLION.sql.replace('10000000', '200000') })).toArray()
  }, 50)
  assert.ok(most <= 50, `p99 ${p99} ms, most ${most} ms`)
})
