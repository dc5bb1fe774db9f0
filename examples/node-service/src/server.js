/** The process: settings from the environment, and an end in good order. */

import { mkdir } from 'node:fs/promises'
import path from 'node:path'

import { onLog, open } from 'datasus'

import { Answers } from './answers.js'
import { build } from './app.js'
import { Jobs } from './jobs.js'

const { env } = process
/** Seconds that open answers have to end once the service is told to stop. */
const grace = Number(env.GRACE ?? 20)

// Small batches: what a slow reader makes the service hold is a few of them.
const home = path.resolve(env.SERVICE_HOME ?? 'service-data')
const [output, state] = [path.join(home, 'files'), path.join(home, 'jobs')]
await Promise.all([output, state].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
// SQL of users runs in a process of its own, unless the environment says otherwise.
const isolation = /** @type {'none' | 'process' | 'all'} */ (env.DATASUS_ISOLATION ?? 'process')
const chunkRows = Number(env.DATASUS_CHUNK_ROWS ?? 8_192)
const client = await open({ source: env.DATASUS_SOURCE ?? '.', output, state, isolation, chunkRows })
const answers = new Answers()
const jobs = new Jobs(client, output)
/** Days for which the CSVs of earlier processes stay. */
const keep = Number(env.SERVICE_KEEP ?? 7) * 86_400_000
const app = build(client, answers, jobs, { logger: { level: env.LOG_LEVEL ?? 'info' } })
const sdk = app.log.child({ name: 'datasus' })
onLog((level, line) => sdk[level](line))

const sweep = () => jobs.sweep(keep).catch((error) => app.log.warn({ err: error }, 'old files stay'))
await sweep()
setInterval(sweep, 3_600_000).unref()

/** @param {NodeJS.Signals} signal */
async function stop(signal) {
  app.log.info({ signal, answers: answers.size, grace }, 'stopping')
  const broken = await answers.end(grace * 1000)
  // A request that never comes to its end must not hold the process.
  const late = setTimeout(() => app.server.closeAllConnections(), 2_000)
  await app.close()
  clearTimeout(late)
  // Jobs stay as they are, and can be resumed.
  await jobs.end()
  await client.close()
  app.log.info({ broken }, 'stopped')
  onLog(null)
}

// A second signal ends the process at once.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) process.once(signal, () => void stop(signal))

await app.listen({ host: env.HOST ?? '127.0.0.1', port: Number(env.PORT ?? 3000) })
