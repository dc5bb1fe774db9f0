/** Which format a request wants: by its parameter, or by its Accept header; CSV where it says nothing. */

import { MEDIA_TYPES } from 'datasus'

import { invalid, notAcceptable } from './errors.js'

/** @typedef {keyof typeof MEDIA_TYPES} Format */

const FORMATS = /** @type {Format[]} */ (Object.keys(MEDIA_TYPES))

/** @param {Format} format */
const mediaType = (format) => String(MEDIA_TYPES[format].split(';')[0])

/**
 * @param {string | string[] | undefined} given
 * @param {string | undefined} accept
 * @returns {Format}
 */
export function formatOf(given, accept = '*/*') {
  if (given !== undefined) {
    const format = FORMATS.find((one) => one === given)
    if (format === undefined) throw invalid('Formato desconhecido', { received: given, valid_examples: FORMATS })
    return format
  }
  const ranges = accept
    .split(',')
    .map((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      const weight = parameters.find((parameter) => parameter.startsWith('q='))
      return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
  for (const { type } of ranges) {
    const format = FORMATS.find((one) => [mediaType(one), `${mediaType(one).split('/')[0]}/*`, '*/*'].includes(type))
    if (format !== undefined) return format
  }
  throw notAcceptable(accept, FORMATS.map(mediaType))
}
