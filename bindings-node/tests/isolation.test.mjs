// SQL in a process of its own: the program that the package brings, and what becomes of a query whose process ends.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { after, test } from 'node:test'

import { Cancelled, DatasusError, open } from 'datasus'

import { client, folder, source, until } from './example_folder.mjs'

const main = createRequire(import.meta.url).resolve('datasus')
const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
const worker = path.join(path.dirname(createRequire(main).resolve(`datasus-linux-${arch}-gnu/package.json`)), 'datasus-worker')
const isolated = await open({ source, output: path.join(folder, 'isolated'), language: 'en', isolation: 'process', cacheEntryLimit: 0 })
after(() => isolated.close())

const sql = 'SELECT CNES, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1'
const endless = { sql: 'SELECT sum(a.r * b.r) AS n FROM range(100000000) a(r), range(100000000) b(r)' }

const running = () => isolated.metrics().includes('datasus_engine_workers{state="running"} 1')
const rows = async (of, query) => (await of.query(query)).toArray()

/** Of this process. */
function workers() {
  return readdirSync('/proc').filter((name) => {
    try {
      const ours = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1] === String(process.pid)
      return ours && readlinkSync(`/proc/${name}/exe`) === realpathSync(worker)
    } catch {
      return false
    }
  })
}

test('the package brings a small program that may be run', () => {
  assert.ok(statSync(worker).mode & 0o100)
  // As C's test packs it.
  const packed = spawnSync('gzip', ['-c', worker], { maxBuffer: 1 << 26 })
  assert.equal(packed.status, 0)
  assert.ok(packed.stdout.length < 4_000_000, String(packed.stdout.length))
  const said = spawnSync(worker, { env: {}, encoding: 'utf8' })
  assert.equal(said.status, 2)
  assert.match(said.stderr, /DATASUS_ISOLATION/)
})

test('answers and errors are those of the process', async () => {
  assert.deepEqual(await rows(isolated, { sql }), await rows(client, { sql }))
  assert.ok(!isolated.metrics().includes('datasus_engine_workers_started_total 0'))
  const [here, there] = await Promise.all(
    [client, isolated].map(async (one) => {
      const error = await rows(one, { sql: 'SELECT CAST(DIAG_PRINC AS INTEGER) AS n FROM sih_rd' }).catch((caught) => caught)
      assert.ok(error instanceof DatasusError, String(error))
      const { trace_id: _, ...form } = error.toJSON()
      return form
    }),
  )
  assert.deepEqual(there, here)
})

test('a process that is killed is an error of its query alone', async () => {
  const asked = rows(isolated, endless).catch((caught) => caught)
  await until(running, 'it runs')
  // Those that wait as well: the next query starts its own.
  for (const one of workers()) process.kill(Number(one), 'SIGKILL')
  const error = await asked
  assert.equal(error.code, 'DS-500', String(error))
  assert.equal(error.diagnostic.signal, 9)
  assert.ok((await rows(isolated, { sql })).length > 0)
})

test('a cancel ends the process', async () => {
  const control = new AbortController()
  const asked = isolated.query(endless, { signal: control.signal }).then((result) => result.toArray())
  await until(running, 'it runs')
  control.abort()
  await assert.rejects(asked, Cancelled)
  await until(() => !running(), 'it has ended')
  assert.ok((await rows(isolated, { sql })).length > 0)
})

test('a program that is not there is told when the client opens', async () => {
  const missing = open({ source, isolation: 'process', worker: path.join(folder, 'datasus-worker') })
  await assert.rejects(missing, { code: 'DS-422', message: /DATASUS_WORKER/ })
})
