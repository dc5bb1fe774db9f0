/** From what is comfortable in JavaScript to the contract's JSON; the core checks its sense. */

import { inspect, types, type InspectOptions } from 'node:util'

import type { Aggregate, AggregateFn, Csv, Destination, Filter as Condition, Options, OrderBy, Parquet, Postgres, QueryParams } from './contract'
import { spoken } from './errors'
import { conditions, type Filter, type Value } from './filters'
import { exactJson, Given, isPlainObject, type Expected, type Plain } from './given'
import { native } from './native'

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
  return { csv: target('csv', 'path', path, options) }
}

/** A Parquet file below the client's output folder. */
export function parquet(path?: string, options: Omit<ParquetOptions, 'path'> = {}): Destination {
  return { parquet: target('parquet', 'path', path, options) }
}

/** A table `schema.table`; without a URL, on the client's server. */
export function postgres(table?: string, options: Omit<PostgresOptions, 'table'> = {}): Destination {
  return { postgres: target('postgres', 'table', table, options) }
}

function target(kind: string, key: string, name: unknown, options: unknown): Record<string, unknown> {
  const given = new Given(spoken())
  const form = settings(given, kind, options)
  if (name !== undefined && key in form) {
    const words = { pt: `${key} uma vez só, como primeiro argumento`, en: `${key} once, as the first argument` }
    throw given.wrong(`${kind}.${key}`, words, form[key])
  }
  return withoutPasswords(name === undefined ? form : { ...form, [key]: given.text(`${kind}.${key}`, name) })
}

/** As `console.log` and its like show it; JSON has all of it, which is the form that the core is told. */
function withoutPasswords<Form extends Record<string, unknown>>(form: Form): Form {
  const shown = ([key, value]: [string, unknown]): [string, unknown] => {
    if (key === 'url' && typeof value === 'string') return [key, '***']
    return [key, typeof value === 'string' ? native.masked(value) : Array.isArray(value) ? value.map((one) => native.masked(String(one))) : value]
  }
  const custom = (_depth: number, options: InspectOptions): string => inspect(Object.fromEntries(Object.entries(form).map(shown)), options)
  return Object.defineProperty(form, inspect.custom, { value: custom, enumerable: false })
}

/** `groupBy` as `group_by`; a key that was given in both forms is refused, and what is undefined was not given. */
function snakeEntries(given: Given, at: string, form: unknown, expected?: Expected, prefix = `${at}.`): [string, unknown, string][] {
  const entries = given.entries(at, form, expected).filter(([, value]) => value !== undefined)
  const seen = new Set<string>()
  return entries.map(([key, value]) => {
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    if (seen.has(snake)) {
      const words = { pt: `${snake} uma vez só, em uma das formas`, en: `${snake} once, in one of its forms` }
      throw given.wrong(prefix + key, words, value)
    }
    seen.add(snake)
    return [snake, value, prefix + key]
  })
}

/** An object of options with the contract's keys. @internal */
export function settings(given: Given, at: string, form: unknown): Record<string, Plain> {
  return Object.fromEntries(snakeEntries(given, at, form).map(([key, value, place]) => [key, given.tree(place, value)]))
}

const FIGURE: Expected = {
  pt: 'uma função, ou [função, coluna]',
  en: 'a function, or [function, column]',
  examples: ["'count(*)'", "['sum', 'VAL_TOT']"],
}
const FIGURES: Expected = {
  pt: 'um objeto de nomes e funções, ou uma lista',
  en: 'an object of names and functions, or a list',
  examples: ["{ valor: ['sum', 'VAL_TOT'] }"],
}
const NAMES: Expected = { pt: 'uma coluna, ou uma lista delas', en: 'a column, or a list of them', examples: ["['CNES']"] }
const UFS: Expected = { pt: 'uma UF (sigla, nome ou código do IBGE), ou uma lista delas', en: 'a UF (sigla, name or IBGE code), or a list of them', examples: ["['AC', 'RR']"] }
const MONTHS: Expected = {
  pt: 'um mês ou ano, uma lista deles, ou {from, to}',
  en: 'a month or year, a list of them, or {from, to}',
  examples: ["'2024-01'", "{ from: '2024-01', to: '2024-03' }"],
}
const ROWS: Expected = { pt: 'um número de linhas', en: 'a number of rows', examples: [100] }
const QUERY: Expected = {
  pt: 'uma consulta: um objeto, ou o seu JSON',
  en: 'a query: an object, or its JSON',
  examples: ["{ dataset: 'SIH-RD', uf: 'AC' }"],
}

function figures(given: Given, at: string, aggregates: unknown): Plain {
  const listed = given.elements(at, aggregates)
  if (listed !== undefined) return listed.map((one, place) => given.tree(`${at}[${place}]`, one))
  return given.entries(at, aggregates, FIGURES).map(([as, of]) => {
    const place = `${at}.${as}`
    const parts = given.elements(place, of) ?? [of]
    if (parts.length < 1 || parts.length > 2) throw given.wrong(place, FIGURE, of)
    const [fn, column] = parts.map((part, number) => given.text(parts.length > 1 ? `${place}[${number}]` : place, part, FIGURE))
    return { fn: fn as string, ...(column !== undefined && { column }), as }
  })
}

function sorts(given: Given, at: string, orderBy: unknown): Plain {
  const keys = given.elements(at, orderBy) ?? [orderBy]
  return keys.map((key, place) => {
    const form = given.tree(`${at}[${place}]`, key)
    if (typeof form !== 'string') return form
    return form.startsWith('-') ? { column: form.slice(1), desc: true } : { column: form }
  })
}

function names(given: Given, at: string, columns: unknown): Plain {
  const listed = given.scalars(at, columns, NAMES)
  return typeof listed === 'string' ? [listed] : listed
}

/** A month of a Date: its competência. */
function month(given: Given, at: string, value: unknown): Plain {
  const text = given.scalar(at, value, MONTHS)
  return types.isDate(value) ? String(text).slice(0, 7).replace('-', '') : text
}

function competencia(given: Given, at: string, value: unknown): Plain {
  const listed = given.elements(at, value)
  if (listed !== undefined) return listed.map((one, place) => month(given, `${at}[${place}]`, one))
  if (!isPlainObject(value)) return month(given, at, value)
  return Object.fromEntries(given.entries(at, value).map(([key, one]) => [key, month(given, `${at}.${key}`, one)]))
}

const FORMS: Record<string, (given: Given, at: string, value: unknown) => Plain> = {
  where: conditions,
  group_by: names,
  aggregates: figures,
  order_by: sorts,
  options: settings,
  competencia,
  uf: (given, at, value) => given.scalars(at, value, UFS),
  columns: (given, at, value) => given.scalars(at, value, NAMES),
  limit: (given, at, value) => given.scalar(at, value, ROWS),
  bind: (given, at, value) => Object.fromEntries(given.entries(at, value).map(([name, one]) => [name, given.scalar(`${at}.${name}`, one)])),
}

/** The contract's text of a query; text is the contract's already. @internal */
export function paramsJson(given: Given, query: unknown): string {
  if (typeof query === 'string') return given.text('query', query, QUERY)
  const entries = snakeEntries(given, 'query', query, QUERY, '')
  const plain = entries.map(([key, value, at]): [string, Plain] => {
    const taken = Object.hasOwn(FORMS, key) ? FORMS[key] : undefined
    return [key, taken === undefined ? given.tree(at, value) : taken(given, at, value)]
  })
  return exactJson(Object.fromEntries(plain))
}

/** The contract's text of one destination, or of several. @internal */
export function destinationsJson(given: Given, to: unknown): string {
  const expected = {
    pt: 'um destino, ou uma lista deles',
    en: 'a destination, or a list of them',
    examples: ["'a.csv'", "[csv('a.csv'), parquet('a.parquet')]"],
  }
  if (to === undefined || to === null) throw given.wrong('to', expected, to)
  return exactJson(given.tree('to', to))
}
