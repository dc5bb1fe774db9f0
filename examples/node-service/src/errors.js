/** Errors as the contract's JSON, with the HTTP status that fits. */

import { Conflict, DatasusError, InvalidParams, NotFound } from 'datasus'

/**
 * Most codes are named after their status. What went wrong inside is no fault of the one who asks: credentials of our
 * database, a damaged file.
 *
 * @type {Record<string, number>}
 */
const STATUS = { 'DS-401': 500, 'DS-424': 500, 'DS-460': 500, 'DS-498': 500, 'DS-499': 503 }

/** What Fastify refuses by itself. @type {Record<number, string>} */
const SAID = { 413: 'O pedido tem mais de 262144 bytes', 415: 'Esperado um corpo em application/json' }

/** A status of its own, where the code's does not fit. */
class NotAcceptable extends InvalidParams {
  statusCode = 406
}

/** @param {string} error_code @param {string} detail @param {Record<string, unknown>} diagnostic */
const form = (error_code, detail, diagnostic) => ({ status: 'error', error_code, detail, diagnostic })

/** @param {string} detail @param {Record<string, unknown>} diagnostic */
export function invalid(detail, diagnostic) {
  return new InvalidParams(form('DS-422', detail, diagnostic))
}

/** @param {string} received @param {string[]} valid_examples */
export function notAcceptable(received, valid_examples) {
  return new NotAcceptable(form('DS-400', 'Nenhum formato do cabeçalho Accept existe aqui', { received, valid_examples }))
}

/** A body that is no query. @param {string} received */
export function noQuery(received) {
  const detail = 'Esperada uma consulta, um objeto em JSON que começa com {: {"dataset": "SIH-RD", "uf": "AC"}'
  return new InvalidParams(form('DS-400', detail, { received }))
}

/** A job that is none. @param {string} received */
export function unknownJob(received) {
  return new NotFound(form('DS-404', 'Não há trabalho com este número', { received }))
}

/** A job in another state. @param {string} detail @param {string} received */
export function conflict(detail, received) {
  return new Conflict(form('DS-409', detail, { received }))
}

/** @param {DatasusError} error */
function statusOf(error) {
  if (error instanceof NotAcceptable) return error.statusCode
  return STATUS[error.code] ?? (Number(error.code.slice(3)) || 500)
}

/**
 * @param {Error & { statusCode?: number }} error
 * @param {import('fastify').FastifyRequest} request
 * @param {import('fastify').FastifyReply} reply
 */
export function onError(error, request, reply) {
  if (error instanceof DatasusError) {
    const status = statusOf(error)
    request.log[status < 500 ? 'info' : 'error']({ code: error.code, traceId: error.traceId, status }, error.message)
    const wait = Number(error.diagnostic['retry_after_sec'] ?? (status === 503 ? 5 : Number.NaN))
    if (Number.isFinite(wait)) reply.header('retry-after', Math.ceil(wait))
    return reply.code(status).send(error.toJSON())
  }
  const status = error.statusCode ?? 500
  request.log[status < 500 ? 'info' : 'error']({ err: error }, 'request failed')
  // What failed inside is for the log.
  const detail = SAID[status] ?? (status < 500 ? error.message : 'Erro interno do serviço')
  const code = status === 413 ? 413 : status < 500 ? 400 : 500
  return reply.code(status).send(form(`DS-${code}`, detail, {}))
}

/**
 * @param {import('fastify').FastifyRequest} request
 * @param {import('fastify').FastifyReply} reply
 */
export function onUnknown(request, reply) {
  const received = `${request.method} ${request.url}`
  const valid_examples = ['POST /query', 'GET /internacoes?uf=AC&competencia=202401', 'GET /health']
  return reply.code(404).send(form('DS-404', 'Não há nada neste endereço', { received, valid_examples }))
}

/** To whoever comes while the service stops. @param {import('fastify').FastifyReply} reply */
export function refusal(reply) {
  reply.code(503).header('retry-after', 5).header('connection', 'close')
  return reply.send(form('DS-503', 'O serviço está sendo encerrado; tente em outro', { retry_after_sec: 5 }))
}
