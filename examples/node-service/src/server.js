/** The process: settings from the environment, and an end in good order. */

import { onLog, open } from 'datasus'

import { Answers } from './answers.js'
import { build } from './app.js'

const { env } = process
/** Seconds that open answers have to end once the service is told to stop. */
const grace = Number(env.GRACE ?? 20)

// Small batches: what a slow reader makes the service hold is a few of them.
const client = await open({ source: env.DATASUS_SOURCE ?? '.', chunkRows: Number(env.DATASUS_CHUNK_ROWS ?? 8_192) })
const answers = new Answers()
const app = build(client, answers, { logger: { level: env.LOG_LEVEL ?? 'info' } })
const sdk = app.log.child({ name: 'datasus' })
onLog((level, line) => sdk[level](line))

/** @param {NodeJS.Signals} signal */
async function stop(signal) {
  app.log.info({ signal, answers: answers.size, grace }, 'stopping')
  const broken = await answers.end(grace * 1000)
  // A request that never comes to its end must not hold the process.
  const late = setTimeout(() => app.server.closeAllConnections(), 2_000)
  await app.close()
  clearTimeout(late)
  await client.close()
  app.log.info({ broken }, 'stopped')
  onLog(null)
}

// A second signal ends the process at once.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) process.once(signal, () => void stop(signal))

await app.listen({ host: env.HOST ?? '127.0.0.1', port: Number(env.PORT ?? 3000) })
