/** Rows as plain objects, from NDJSON in which every number of 64 bits and every decimal is text. */

import type { Given } from './given'

/** What a row's values become. */
export interface ArrayOptions {
  /** Integers of 64 bits (`count(*)`, sums): `bigint` (default), `number` where it is exact (else a RangeError), or `string`. */
  integers?: 'bigint' | 'number' | 'string'
  /** Decimals, as money is: `string`, exact (default), or `number`, rounded to the nearest double. */
  decimals?: 'string' | 'number'
  /** Days and instants: `string` (`2024-01-31`, `2024-01-31T12:00:00Z`; default), or `date`: a Date, in UTC. */
  dates?: 'string' | 'date'
}

/** The options as they are meant; another word or key is refused. @internal */
export function arrayOptions(given: Given, options: unknown): ArrayOptions {
  const { integers, decimals, dates } = given.options('toArray', options, ['integers', 'decimals', 'dates'])
  return {
    integers: integers === undefined ? 'bigint' : given.word('integers', integers, ['bigint', 'number', 'string']),
    decimals: decimals === undefined ? 'string' : given.word('decimals', decimals, ['string', 'number']),
    dates: dates === undefined ? 'string' : given.word('dates', dates, ['string', 'date']),
  }
}

type Convert = (value: unknown) => unknown

/** Bytes of JSON that are parsed at once: some milliseconds of the event loop. */
const PIECE = 1 << 18

function convertOf(kind: string, options: ArrayOptions): Convert | undefined {
  const list = /^(?:Large|FixedSize)?List\((.*)\)$/.exec(kind)
  if (list !== null) {
    const inner = convertOf((list[1] ?? '').replace(/^(?:nullable|non-null) /, ''), options)
    return inner && ((value) => (value as unknown[]).map((one) => (one === null ? null : inner(one))))
  }
  if (/^U?Int64/.test(kind)) {
    if (options.integers === 'string') return undefined
    return options.integers === 'number' ? exactNumber : (value) => BigInt(value as string)
  }
  if (kind.startsWith('Decimal')) return options.decimals === 'number' ? Number : undefined
  // Not a number, or infinite: text in JSON.
  if (kind.startsWith('Float')) return Number
  if (options.dates === 'date' && /^(Date|Timestamp)/.test(kind)) {
    return (value) => new Date(/T.*[^Z]$/.test(value as string) ? `${value as string}Z` : (value as string))
  }
  return undefined
}

function exactNumber(value: unknown): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new RangeError(`${String(value)} is too large for a number; use { integers: 'bigint' } or 'string'`)
}

/** Makes objects of the lines that come. */
export class Objects {
  readonly #converts: [string, Convert][]

  constructor(columns: readonly { name: string; kind: string }[], options: ArrayOptions) {
    this.#converts = columns.flatMap(({ name, kind }): [string, Convert][] => {
      const convert = convertOf(kind, options)
      return convert === undefined ? [] : [[name, convert]]
    })
  }

  /** Gives the event loop its turn between two pieces. */
  async add(lines: Buffer, to: Record<string, unknown>[]): Promise<void> {
    for (let start = 0; start < lines.length; ) {
      const end = lines.indexOf(10, Math.min(start + PIECE, lines.length - 1))
      const text = lines.toString('utf8', start, end)
      const rows = JSON.parse(`[${text.replaceAll('\n', ',')}]`) as Record<string, unknown>[]
      for (const row of rows) {
        for (const [name, convert] of this.#converts) {
          if (row[name] !== null) row[name] = convert(row[name])
        }
        to.push(row)
      }
      start = end + 1
      await new Promise(setImmediate)
    }
  }
}
