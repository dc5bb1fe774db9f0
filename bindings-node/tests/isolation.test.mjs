// SQL in a process of its own: the platform's package brings the program, and what is missing is told when the client opens.
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'

import { open } from 'datasus'

import { client, folder, source } from './example_folder.mjs'

const query = { sql: 'SELECT CNES, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1', options: { cache: 'off' } }
const text = async (of) => JSON.stringify(await (await of.query(query)).toArray(), (_, value) => typeof value === 'bigint' ? `${value}` : value)

for (const isolation of ['process', 'all']) {
  test(`the same answer comes from the package's own worker: ${isolation}`, async () => {
    const there = await open({ source, isolation })
    assert.equal(await text(there), await text(client))
    assert.ok(Number(/^datasus_engine_workers_started_total (\d+)/m.exec(there.metrics())[1]) >= 2)
    await there.close()
  })
}

test('a worker that is missing is told when the client opens', async () => {
  await assert.rejects(open({ source, isolation: 'process', worker: path.join(folder, 'datasus-worker') }), {
    code: 'DS-422',
    message: /DATASUS_WORKER/,
  })
})
