/** The service in a process of its own, as an orchestrator runs it. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { exampleData, open } from 'datasus'

/** A folder of made-up files, converted: `rows` admissions of each month and UF. */
export async function madeFolder(rows) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'datasus-service-'))
  await exampleData(folder, rows)
  const client = await open(folder)
  await client.sync({ dataset: 'SIH-RD' })
  return { folder, client, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Secrets of the service's environment, which stand in nothing that it writes. */
const CANARIES = {
  DATASUS_POSTGRES: 'postgres://ana:segredo-CANARIO-banco-1e77@127.0.0.1:1/saude',
  DATASUS_S3_KEY: 'ana',
  DATASUS_S3_SECRET: 'segredo-CANARIO-balde-9d02',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20segredo-CANARIO-coletor-44ab',
}

/** What it said, and every file that it left. */
async function keepsSecrets(home, said) {
  assert.ok(!said.includes('segredo-CANARIO'), said)
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    const place = path.join(entry.parentPath ?? entry.path, entry.name)
    if (entry.isFile()) assert.ok(!(await readFile(place)).includes('segredo-CANARIO'), place)
  }
}

export async function startService(source, settings = {}) {
  const home = await mkdtemp(path.join(os.tmpdir(), 'datasus-service-home-'))
  const own = { DATASUS_SOURCE: source, HOST: '127.0.0.1', PORT: '0', SERVICE_HOME: home }
  const env = { ...process.env, ...CANARIES, ...own, ...settings }
  const program = path.join(import.meta.dirname, '..', 'src', 'server.js')
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = text(child.stderr)
  /** Its log, line by line. */
  const log = []
  // With all that it said, in which none of its secrets is.
  const ended = once(child, 'close')
    .then(async (end) => {
      await keepsSecrets(home, (await said) + JSON.stringify(log))
      return end
    })
    .finally(() => rm(home, { recursive: true, force: true }))
  const late = setTimeout(() => child.kill('SIGKILL'), 240_000)
  const url = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(JSON.parse(line))
      const place = /Server listening at (\S+)/.exec(log.at(-1).msg)
      if (place !== null) found(place[1])
    })
    ended.then(async () => failed(new Error(`the service ended: ${await said}`)), failed)
  }).finally(() => clearTimeout(late))

  /** The head of an answer; its body is read by whoever asked, as slowly as they like. */
  async function ask(place, headers = {}, body = undefined) {
    const sent = request(url + place, { headers, agent: false, method: body === undefined ? 'GET' : 'POST' })
    sent.end(body)
    const [response] = await once(sent, 'response')
    // Who reads it hears of it.
    sent.on('error', () => undefined)
    return response
  }

  async function metrics() {
    const body = await text(await ask('/metrics'))
    const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    )
  }

  /** Until the metrics are so, for three minutes at most. */
  async function until(holds) {
    for (let tries = 0; tries < 1_800; tries += 1) {
      if (holds(await metrics())) return
      await sleep(100)
    }
    throw new Error(`not within three minutes: ${holds}; ${JSON.stringify(await metrics())}`)
  }

  /** Its exit code, or the signal that ended it. */
  async function stop(signal = 'SIGTERM') {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), 240_000)
    const [code, by] = await ended
    clearTimeout(late)
    return code ?? by
  }

  return { url, child, log, ask, metrics, until, stop, ended, said }
}
