/** The service's routes. */

import { fastify } from 'fastify'

import { onError, onUnknown, refusal } from './errors.js'
import { health } from './health.js'
import { internacoes } from './internacoes.js'
import { jobRoutes } from './jobs.js'
import { queries } from './query.js'

/**
 * @param {import('datasus').Client} client
 * @param {import('./answers.js').Answers} answers
 * @param {import('./jobs.js').Jobs} jobs
 * @param {import('fastify').FastifyServerOptions} options
 */
export function build(client, answers, jobs, options = {}) {
  // A HEAD would make the whole answer, and throw it away.
  const app = fastify({ exposeHeadRoutes: false, bodyLimit: 256 << 10, ...options })
  app.setErrorHandler(onError)
  app.setNotFoundHandler(onUnknown)
  app.register(health, { client, answers })
  app.register(async (routes) => {
    routes.addHook('onRequest', async (_request, reply) => {
      if (answers.closing) return refusal(reply)
    })
    routes.register(internacoes, { client, answers })
    routes.register(queries, { client, answers, jobs })
    routes.register(jobRoutes, { jobs })
  })
  return app
}
