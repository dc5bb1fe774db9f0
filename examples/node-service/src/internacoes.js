/** `GET /internacoes?uf=AC&competencia=202401&columns=N_AIH,VAL_TOT&format=csv`: admissions, as they are read. */

import { invalid } from './errors.js'
import { stream } from './stream.js'

const KEYS = ['uf', 'competencia', 'columns', 'limit', 'format']

/** @typedef {string | string[] | undefined} Given */

/** `AC,RR`, or the key given twice. @param {Given} given */
const list = (given) => (given === undefined ? undefined : [given].flat().flatMap((text) => text.split(',')))

/** What is no number is for datasus to refuse. @param {Given} given */
const number = (given) => /** @type {number | undefined} */ (/^\d+$/.test(String(given)) ? Number(given) : given)

/**
 * The query; datasus checks its values, and tells everything that is wrong in one answer.
 *
 * @param {Record<string, Given>} given
 */
function queryOf(given) {
  const unknown = Object.keys(given).filter((key) => !KEYS.includes(key))
  if (unknown.length > 0) throw invalid(`Parâmetro desconhecido: ${unknown.join(', ')}`, { received: unknown, valid_keys: KEYS })
  const { uf, competencia, columns, limit } = given
  const parts = { uf: list(uf), competencia: list(competencia), columns: list(columns), limit: number(limit) }
  return { dataset: 'SIH-RD', ...parts }
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {{ client: import('datasus').Client, answers: import('./answers.js').Answers }} options
 */
export async function internacoes(app, { client, answers }) {
  app.get('/internacoes', async (request, reply) => {
    const given = /** @type {Record<string, Given>} */ (request.query)
    return stream(request, reply, { client, answers }, queryOf(given), given['format'])
  })
}
