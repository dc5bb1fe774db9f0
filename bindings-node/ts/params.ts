/** From what is comfortable in JavaScript to the contract's JSON; the core checks it. */

import { randomUUID } from 'node:crypto'

import type { Aggregate, AggregateFn, Csv, Destination, Filter as Condition, Options, OrderBy, Parquet, Postgres, QueryParams } from './contract'
import { Filter, plain, type Value } from './filters'

/** `group_by` as `groupBy`. */
export type Camel<Key extends string> = Key extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<Camel<Rest>>}` : Key
/** An object of the contract with its keys as JavaScript writes them. */
export type CamelKeys<Form> = { [Key in keyof Form as Key extends string ? Camel<Key> : never]: Form[Key] }

/** In short `{ SEXO: '3', UF_ZI: ['120000', '140000'], OBITO: null }`: a value, one of a list, or none. */
export type Conditions = Record<string, Value | readonly Value[] | null>
/** Conditions that every row must meet. */
export type Where = Filter | Condition | Conditions | readonly (Filter | Condition | Conditions)[]
/** `{ valor: ['sum', 'VAL_TOT'], n: 'count(*)' }`, or the contract's list. */
export type Aggregates = Record<string, AggregateFn | 'count(*)' | readonly [AggregateFn, string]> | readonly Aggregate[]

type Loose = 'bind' | 'columns' | 'where' | 'groupBy' | 'aggregates' | 'orderBy' | 'options' | 'uf' | 'limit'

/** One query: over one dataset, or one SELECT (`sql`, `bind`) over several. The contract's keys, in camel case or as they are. */
export interface Query extends Omit<CamelKeys<QueryParams>, Loose> {
  /** Siglas, names (`Acre`) or IBGE's codes (`12`); left out: every UF that the source holds. */
  uf?: string | number | readonly (string | number)[] | null
  /** Columns of the answer, in this order; left out: all. */
  columns?: readonly string[] | null
  where?: Where
  /** Columns to group by. */
  groupBy?: string | readonly string[]
  aggregates?: Aggregates
  /** Columns to sort by; `-valor` sorts downwards. */
  orderBy?: string | OrderBy | readonly (string | OrderBy)[]
  /** Rows at most. */
  limit?: number | null
  /** Values of the SQL's `$name` parameters. */
  bind?: Record<string, Value | null>
  options?: CamelKeys<Options>
}

/** Where rows go: `csv()`, `parquet()`, `postgres()`, or a path that tells by its ending: `.csv`, `.csv.zst`, `.parquet`. */
export type To = Destination | string

/** A CSV file, of 10 million rows at most. */
export type CsvOptions = CamelKeys<Csv>
/** A Parquet file: zstd, bounded row groups, statistics. */
export type ParquetOptions = CamelKeys<Parquet>
/** A table in PostgreSQL, loaded by binary COPY. */
export type PostgresOptions = CamelKeys<Postgres>

/** A CSV file below the client's output folder. For Brazilian spreadsheets: `csv('a.csv', { delimiter: ';', decimalComma: true, bom: true })`. */
export function csv(path?: string, options: Omit<CsvOptions, 'path'> = {}): Destination {
  return { csv: snakeKeys(path === undefined ? options : { ...options, path }) }
}

/** A Parquet file below the client's output folder. */
export function parquet(path?: string, options: Omit<ParquetOptions, 'path'> = {}): Destination {
  return { parquet: snakeKeys(path === undefined ? options : { ...options, path }) }
}

/** A table `schema.table`; without a URL, on the client's server. */
export function postgres(table?: string, options: Omit<PostgresOptions, 'table'> = {}): Destination {
  return { postgres: snakeKeys(table === undefined ? options : { ...options, table }) }
}

/** `groupBy` as `group_by`; what is undefined is left out. */
export function snakeKeys(form: object): Record<string, unknown> {
  const given = Object.entries(form).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]))
}

function isCondition(form: object): form is Condition {
  return 'op' in form || 'any' in form || 'all' in form || 'not' in form
}

function conditions(where: Where): unknown[] {
  if (Array.isArray(where)) return where.flatMap((one: Where) => conditions(one))
  if (where instanceof Filter) return [where.toJSON()]
  if (isCondition(where)) return [where]
  return Object.entries(where as Conditions).map(([column, value]) => {
    if (value === null) return { column, op: 'is_null' }
    return Array.isArray(value) ? { column, op: 'in', value: plain(value) } : { column, op: 'eq', value: plain(value) }
  })
}

function figures(aggregates: Aggregates): readonly unknown[] {
  if (Array.isArray(aggregates)) return aggregates
  return Object.entries(aggregates as Record<string, string | readonly [AggregateFn, string]>).map(([as, of]) =>
    typeof of === 'string' ? { fn: of, as } : { fn: of[0], column: of[1], as },
  )
}

function sorts(orderBy: NonNullable<Query['orderBy']>): unknown[] {
  const keys = (Array.isArray(orderBy) ? orderBy : [orderBy]) as readonly (string | OrderBy)[]
  return keys.map((key) => {
    if (typeof key !== 'string') return key
    return key.startsWith('-') ? { column: key.slice(1), desc: true } : { column: key }
  })
}

/** The contract's text of a query; text is the contract's already. */
export function paramsJson(query: Query | QueryParams | string): string {
  if (typeof query === 'string') return query
  const { where, group_by, aggregates, order_by, options, bind, ...rest } = snakeKeys(query)
  const params: Record<string, unknown> = rest
  if (where !== undefined) params['where'] = conditions(where as Where)
  if (group_by !== undefined) params['group_by'] = typeof group_by === 'string' ? [group_by] : group_by
  if (aggregates !== undefined) params['aggregates'] = figures(aggregates as Aggregates)
  if (order_by !== undefined) params['order_by'] = sorts(order_by as NonNullable<Query['orderBy']>)
  if (options !== undefined) params['options'] = snakeKeys(options as object)
  if (bind !== undefined) {
    params['bind'] = Object.fromEntries(Object.entries(bind as object).map(([name, value]) => [name, plain(value)]))
  }
  return exactJson(params)
}

/** Marks the text of a BigInt, which goes into the JSON as a number with all its digits. */
const DIGITS = `${randomUUID()}:`
const MARKED = new RegExp(`"${DIGITS}(-?[0-9]+)"`, 'g')

/** JSON has no NaN and no Infinity; `JSON.stringify` would make null of them, which is another question. */
export function exactJson(form: unknown): string {
  let marked = false
  const text = JSON.stringify(form, (key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`${key || 'value'}: expected a finite number, received ${value}`)
    }
    if (typeof value !== 'bigint') return value
    marked = true
    return DIGITS + value
  })
  return marked ? text.replace(MARKED, '$1') : text
}
