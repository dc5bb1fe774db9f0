/** `POST /query`: any query of the contract, as it is read; with `Prefer: respond-async` as a job. */

import { noQuery } from './errors.js'
import { stream } from './stream.js'

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {{ client: import('datasus').Client, answers: import('./answers.js').Answers, jobs: import('./jobs.js').Jobs }} options
 */
export async function queries(app, { client, answers, jobs }) {
  // The core reads the text itself: what JSON.parse would change on the way (a key that comes twice, a long number) is refused there.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post('/query', async (request, reply) => {
    const text = String(request.body ?? '')
    // What is no object is no query, and a name alone would be a dataset's to the core.
    if (!text.trimStart().startsWith('{')) throw noQuery(text.slice(0, 80))
    if (!String(request.headers['prefer'] ?? '').includes('respond-async')) return stream(request, reply, { client, answers }, text)
    const told = await jobs.submit(text)
    return reply.code(202).header('location', told.links.self).header('x-trace-id', told.trace_id).send(told)
  })
}
