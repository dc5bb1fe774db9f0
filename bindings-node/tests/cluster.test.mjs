// A query on a Spark cluster of the tests' own: on loopback, stopped by its pids.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { Cancelled, col, csv, open } from 'datasus'

import { folder, source, until } from './example_folder.mjs'

/** It ends with its standard input. `order` gives what it tells then; null where there is no Spark. */
async function startCluster() {
  const script = fileURLToPath(new URL('../../tests/spark_cluster.py', import.meta.url))
  const program = spawn('python3', [script, '--executor-memory', '512m', '--driver-memory', '768m'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  const told = async () => {
    const { value, done } = await lines.next()
    return done ? null : JSON.parse(value)
  }
  const order = (what) => {
    program.stdin.write(`${what}\n`)
    return told()
  }
  const stop = async () => {
    program.stdin.end()
    if (program.exitCode === null) await once(program, 'exit')
  }
  const addresses = await told()
  if (addresses === null) {
    await stop()
    return null
  }
  const running = async () => {
    const asked = async (where) => (await fetch(`${addresses.api}/applications${where}`)).json()
    return asked(`/${(await asked(''))[0].id}/jobs?status=running`)
  }
  return { address: addresses.connect, order, running, stop }
}

test('groups by a label are those without a cluster, and an abort ends them there', async (t) => {
  const cluster = await startCluster()
  if (cluster === null) {
    assert.ok(!process.env.DATASUS_STRICT, 'no Spark here: run setup/spark.sh, or set DATASUS_SPARK')
    return t.skip('no Spark here: run setup/spark.sh, or set DATASUS_SPARK')
  }
  t.after(cluster.stop)
  const where = { source, lake: path.join(folder, 'lake'), output: path.join(folder, 'output'), cacheEntryLimit: 0, language: 'en' }
  const [here, there] = await Promise.all([open(where), open({ ...where, engine: cluster.address })])
  const query = {
    dataset: 'SIH-RD',
    groupBy: ['datasus_uf', 'SEXO_rotulo', 'faixa_etaria'],
    aggregates: { n: 'count(*)', valor: ['sum', 'VAL_TOT'] },
    where: col('VAL_TOT').gt(100),
    orderBy: ['datasus_uf', 'SEXO_rotulo', 'faixa_etaria'],
  }
  const rows = async (client) => (await client.query(query)).toArray()
  const expected = await rows(here)
  assert.ok(expected.length > 10)
  assert.deepEqual(await rows(there), expected)
  const reported = async (client, name) => (await client.export(query, { to: csv(name) })).cluster
  assert.ok((await reported(there, 'there.csv')).engine.startsWith('spark 4.'))
  assert.equal((await reported(here, 'here.csv')) ?? null, null)
  // Its worker does nothing meanwhile: the query is at work there, and ends by the signal alone.
  await cluster.order('pause worker 0')
  const control = new AbortController()
  const asked = there.query(query, { signal: control.signal }).then((result) => result.toArray())
  const refused = assert.rejects(asked, Cancelled)
  await until(async () => (await cluster.running()).length > 0, 'a job at work', 180)
  control.abort()
  await refused
  await until(async () => (await cluster.running()).length === 0, 'nothing at work', 180)
  await cluster.order('resume worker 0')
  assert.deepEqual(await rows(there), expected)
  await Promise.all([here.close(), there.close()])
})
