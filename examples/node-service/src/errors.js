/** Errors as the contract's JSON, with the HTTP status that fits. */

import { DatasusError, InvalidParams } from 'datasus'

/**
 * Most codes are named after their status. What went wrong inside is no fault of the one who asks: credentials of our
 * database, a damaged file.
 *
 * @type {Record<string, number>}
 */
const STATUS = { 'DS-401': 500, 'DS-424': 500, 'DS-460': 500, 'DS-498': 500, 'DS-499': 503 }

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
  const detail = status < 500 ? error.message : 'Erro interno do serviço'
  return reply.code(status).send(form(`DS-${status < 500 ? 400 : 500}`, detail, {}))
}

/**
 * @param {import('fastify').FastifyRequest} request
 * @param {import('fastify').FastifyReply} reply
 */
export function onUnknown(request, reply) {
  const received = `${request.method} ${request.url}`
  const valid_examples = ['GET /internacoes?uf=AC&competencia=202401', 'GET /health', 'GET /metrics']
  return reply.code(404).send(form('DS-404', 'Não há nada neste endereço', { received, valid_examples }))
}

/** To whoever comes while the service stops. @param {import('fastify').FastifyReply} reply */
export function refusal(reply) {
  reply.code(503).header('retry-after', 5).header('connection', 'close')
  return reply.send(form('DS-409', 'O serviço está sendo encerrado; tente em outro', { retry_after_sec: 5 }))
}
