// SQL that hears neither interrupt nor deadline (made to hang) keeps nobody: not its caller, not others, not the event loop.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, test } from 'node:test'

import { Cancelled, csv, DeadlinePassed, OutOfMemory } from 'datasus'

import { client, QUIET, until } from './example_folder.mjs'

const native = createRequire(import.meta.resolve('datasus'))('datasus-linux-x64-gnu')
const HOUR = 3600
// Run each time: a kept answer hangs nowhere.
const query = { sql: 'SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES', options: { cache: 'off' } }
const abandoned = () => Number(/^datasus_threads_abandoned (\d+)/m.exec(client.metrics())[1])

/** What hangs does so for an hour. Where nothing else is at work: two seconds of grace, and a loop that never stands. */
async function soon(work) {
  const began = performance.now()
  let last = began
  let longest = 0
  const ticks = setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now() }, 10)
  try {
    return await work
  } finally {
    clearInterval(ticks)
    assert.ok(performance.now() - began < (QUIET ? 15_000 : 240_000), 'it came back too late')
    assert.ok(longest < (QUIET ? 1_000 : 60_000), `the event loop stood for ${longest} ms`)
  }
}

afterEach(async () => {
  native.hangNext(0, 0, 0)
  await until(() => abandoned() === 0 && native.hanging() === 0, 'the threads end')
  assert.ok((await (await client.query(query)).toArray()).length > 0)
})

for (const [what, statements, texts] of [['a statement', 1, 0], ['a text that is parsed', 0, 1]]) {
  test(`a signal frees the caller of ${what} that does not stop, and the next query works`, async () => {
    for (const asked of [
      (signal) => client.query(query, { signal }).then((result) => result.toArray()),
      (signal) => client.export(query, { to: csv('never.csv'), signal }),
    ]) {
      const before = native.hanging()
      native.hangNext(statements, texts, HOUR)
      const control = new AbortController()
      const work = asked(control.signal)
      work.catch(() => {})
      await until(() => native.hanging() > before, 'it hangs')
      const why = new Error('the user went away')
      control.abort(why)
      await assert.rejects(soon(work), (error) => error instanceof Cancelled && error.code === 'DS-499')
      assert.ok((await soon(client.query(query).then((result) => result.toArray()))).length > 0)
    }
    // Its caller is free before the job's folder is.
    const discarded = (id) => client.discard(id).then(() => true, (error) => {
      assert.equal(error.code, 'DS-409')
      return false
    })
    for (const { jobId: id } of await client.jobs()) await until(() => discarded(id), 'it is let go of')
  })
}

test('a deadline frees four callers; then SQL is DS-503, and structured queries go on', async () => {
  native.hangNext(4, 0, HOUR)
  // One by one: of several some would wait for a slot, and not hang. On a busy machine a deadline may pass before that.
  for (let deadline = 0.3; native.hanging() < 4; ) {
    const before = native.hanging()
    const late = client.query({ ...query, options: { ...query.options, deadline } }).then((result) => result.toArray())
    await assert.rejects(soon(late), (error) => error instanceof DeadlinePassed && error.code === 'DS-504')
    await until(() => abandoned() === native.hanging(), 'it is counted')
    if (native.hanging() === before) deadline *= 2
  }
  await assert.rejects(soon(client.query(query)), (error) => error instanceof OutOfMemory && error.code === 'DS-503' && error.retryable)
  const rows = await soon(client.query({ dataset: 'SIH-RD', columns: ['CNES'] }).then((result) => result.toArray()))
  assert.equal(rows.length, 600)
})
