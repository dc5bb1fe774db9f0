// A lake in S3, by the example of a service, against a SeaweedFS of the tests' own: data and ports of its own, stopped by its pid.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { exampleData, open } from 'datasus'

import { freePorts } from './free_ports.mjs'

const SECRET = 'hunter2-CANARY-s3'
const cache = process.env.DATASUS_CACHE ?? path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'datasus')
const weed = process.env.DATASUS_WEED ?? path.join(cache, 'seaweedfs-4.48', 'weed')

test('two clients and a service share one lake in S3', async (t) => {
  if (!existsSync(weed)) {
    assert.ok(!process.env.DATASUS_STRICT, 'no S3 server here: run setup/seaweedfs.sh, or set DATASUS_WEED')
    return t.skip('no S3 server here: run setup/seaweedfs.sh, or set DATASUS_WEED')
  }
  const place = await mkdtemp(path.join(os.tmpdir(), 'datasus-node-s3-'))
  const running = []
  t.after(async () => {
    for (const one of running) {
      one.kill('SIGKILL')
      if (one.exitCode === null && one.signalCode === null) await once(one, 'exit')
    }
    await rm(place, { recursive: true, force: true })
  })
  const credentials = [{ accessKey: 'chave', secretKey: SECRET }]
  const identity = { name: 'test', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }
  await writeFile(path.join(place, 's3.json'), JSON.stringify({ identities: [identity] }))
  await mkdir(path.join(place, 'data'))
  const [http, ...ports] = await freePorts(9)
  const names = ['s3.port', 's3.port.grpc', 'master.port', 'master.port.grpc', 'volume.port', 'volume.port.grpc', 'filer.port', 'filer.port.grpc']
  const fixed = ['-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-bucket=datasus', '-master.telemetry=false', '-webdav=false', '-admin.ui=false']
  const own = ['-metricsPort=0', '-s3.port.iceberg=0', '-dir=data', '-s3.config=s3.json']
  const options = names.map((name, at) => `-${name}=${ports[at]}`)
  running.push(spawn(weed, ['mini', ...fixed, ...own, ...options], { cwd: place, stdio: 'ignore' }))

  const source = path.join(place, 'fonte')
  await exampleData(source, 300)
  const where = { s3Endpoint: `http://127.0.0.1:${ports[0]}`, s3Key: 'chave', s3Secret: SECRET, lake: 's3://datasus/node/lake' }
  const client = await open({ source, ...where, remoteCache: path.join(place, 'copies'), language: 'en' })
  const until = Date.now() + 180_000
  for (;;) {
    try {
      assert.equal((await client.sync({ dataset: 'SIH-RD', uf: 'AC' })).files, 3)
      break
    } catch (error) {
      // It listens before its bucket is there.
      if (Date.now() > until) throw error
      await sleep(100)
    }
  }
  const variables = { DATASUS_S3_ENDPOINT: where.s3Endpoint, DATASUS_S3_KEY: 'chave', DATASUS_S3_SECRET: SECRET, DATASUS_LAKE: where.lake }
  const script = fileURLToPath(new URL('../../examples/compose/service.mjs', import.meta.url))
  const env = { ...process.env, ...variables, DATASUS_REMOTE_CACHE: path.join(place, 'others') }
  const service = spawn(process.execPath, [script, source, String(http)], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(service)
  await once(service.stdout, 'data')
  const answer = await fetch(`http://127.0.0.1:${http}/valor?uf=AC`)
  assert.equal(answer.status, 200)
  const months = await answer.json()
  assert.deepEqual(months.map((month) => month.internacoes), [300, 300, 300])
  assert.equal((await fetch(`http://127.0.0.1:${http}/valor?uf=XX`)).status, 400)

  await assert.rejects(
    async () => {
      const stranger = await open({ source, ...where, s3Secret: `outra-${SECRET}`, remoteCache: path.join(place, 'x'), language: 'en' })
      await stranger.query({ dataset: 'SIH-RD', uf: 'AC' })
    },
    (error) => error.code === 'DS-401' && !JSON.stringify(error).includes(SECRET),
  )
})
