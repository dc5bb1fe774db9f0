/** The rows of a query as the answer, read no faster than its reader reads. */

import { MEDIA_TYPES } from 'datasus'

import { formatOf } from './format.js'

/**
 * @param {import('fastify').FastifyRequest} request
 * @param {import('fastify').FastifyReply} reply
 * @param {{ client: import('datasus').Client, answers: import('./answers.js').Answers }} service
 * @param {Parameters<import('datasus').Client['query']>[0]} query
 * @param {string | string[]} [wanted] a format, where the address says one
 */
export async function stream(request, reply, { client, answers }, query, wanted) {
  const format = formatOf(wanted, request.headers.accept)
  const signal = answers.begin(reply.raw)
  const result = await client.query(query, { signal })
  request.log.info({ job: result.job.id, traceId: result.job.traceId, format }, 'streaming')
  reply.type(MEDIA_TYPES[format]).header('vary', 'accept').header('x-trace-id', result.job.traceId)
  // Only where DATASUS_ON_EMERGENCY=sample asks for it: a CSV has no other place to say that it is a sample.
  if (result.sampling !== null) reply.header('x-datasus-sampling', JSON.stringify(result.sampling))
  // Fastify pipes it, reads no faster than the client does, and breaks the connection off where it fails: what was sent
  // is never taken for the whole.
  return reply.send(result.toReadable({ format }))
}
