/** The service in a process of its own, as an orchestrator runs it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
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

export async function startService(source, settings = {}) {
  const home = await mkdtemp(path.join(os.tmpdir(), 'datasus-service-home-'))
  const env = { ...process.env, DATASUS_SOURCE: source, HOST: '127.0.0.1', PORT: '0', SERVICE_HOME: home, ...settings }
  const program = path.join(import.meta.dirname, '..', 'src', 'server.js')
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  // With all that it said.
  const ended = once(child, 'close').finally(() => rm(home, { recursive: true, force: true }))
  const said = text(child.stderr)
  /** Its log, line by line. */
  const log = []
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
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

  /** Until the metrics are so, for a minute at most. */
  async function until(holds) {
    for (let tries = 0; tries < 600; tries += 1) {
      if (holds(await metrics())) return
      await sleep(100)
    }
    throw new Error(`not within a minute: ${holds}; ${JSON.stringify(await metrics())}`)
  }

  /** Its exit code, or the signal that ended it. */
  async function stop(signal = 'SIGTERM') {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
    const [code, by] = await ended
    clearTimeout(late)
    return code ?? by
  }

  return { url, child, log, ask, metrics, until, stop, ended, said }
}
