/** Conditions, built by methods instead of objects. */

import { inspect, type InspectOptions } from 'node:util'

import type { Filter as Condition, Op } from './contract'
import { spoken } from './errors'
import { Given, type Expected, type Plain } from './given'
import { native } from './native'

/** A value that a column is compared with; a Date at midnight (local or UTC) stands for its day. */
export type Value = string | number | bigint | boolean | Date

/** By which another copy of this module (another realm, ESM beside a bundle) knows our conditions. */
const FORM: unique symbol = Symbol.for('datasus.condition.form') as never

const VALUE: Expected = { pt: 'um valor: texto, número, BigInt ou Date', en: 'a value: text, a number, a BigInt or a Date', examples: ['"03"'] }
const VALUES: Expected = { pt: 'uma lista de valores', en: 'a list of values', examples: ["['01', '03']"] }
const VALUE_OR_LIST: Expected = {
  pt: 'um valor, uma lista de valores, ou null',
  en: 'a value, a list of values, or null',
  examples: ['"03"', "['01', '03']"],
}
const CONDITIONS: Expected = { pt: 'uma lista de condições', en: 'a list of conditions' }
const CONDITION: Expected = {
  pt: 'uma condição, como {SEXO: "3"} ou col("SEXO").eq("3")',
  en: 'a condition, as {SEXO: "3"} or col("SEXO").eq("3")',
}

const DEEPEST = 64

/** A condition; combine it by {@link Filter.and}, {@link Filter.or} and {@link Filter.not}. */
export class Filter {
  /** @internal */
  readonly [FORM]: Plain

  /** @internal */
  constructor(form: Plain) {
    this[FORM] = form
  }

  /** Both hold. */
  and(...others: Filter[]): Filter {
    return new Filter({ all: [this[FORM], ...forms('and', others)] })
  }

  /** At least one holds. */
  or(...others: Filter[]): Filter {
    return new Filter({ any: [this[FORM], ...forms('or', others)] })
  }

  /** It does not hold. */
  not(): Filter {
    return new Filter({ not: this[FORM] })
  }

  /** The condition as the contract has it. */
  toJSON(): Condition {
    return this[FORM] as Condition
  }

  /** Without the password of an address that was given for a column or a value. @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return native.masked(`Filter ${inspect(this[FORM], options)}`)
  }
}

/** The form of a condition of ours; what only looks like one is read like anything else that was passed. */
function formOf(given: Given, at: string, value: unknown): Plain | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const form = given.read(at, value, () => (Object.hasOwn(value, FORM) ? (value as { [FORM]?: unknown })[FORM] : undefined))
  return form === undefined ? undefined : given.tree(at, form)
}

function forms(method: string, others: readonly unknown[]): Plain[] {
  const given = new Given(spoken())
  return others.map((other, place) => together(given, `${method}(${place})`, other, 0))
}

/** The contract's conditions of what was written, each of which must hold. @internal */
export function conditions(given: Given, at: string, where: unknown, depth = 0): Plain[] {
  const form = formOf(given, at, where)
  if (form !== undefined) return [form]
  if (depth > DEEPEST) throw given.wrong(at, { pt: 'condições sem voltas', en: 'conditions without a circle' }, where)
  const listed = given.elements(at, where)
  if (listed !== undefined) return listed.flatMap((one, place) => conditions(given, `${at}[${place}]`, one, depth + 1))
  const entries = given.entries(at, where, CONDITION)
  const isForm = entries.some(([key]) => ['op', 'any', 'all', 'not'].includes(key))
  if (!isForm) return entries.map(([column, value]) => short(given, `${at}.${column}`, column, value))
  const inner = ([key, value]: [string, unknown]): [string, Plain] => {
    const place = `${at}.${key}`
    if (key === 'not') return [key, together(given, place, value, depth + 1)]
    if (key !== 'any' && key !== 'all') return [key, given.scalars(place, value)]
    const list = given.elements(place, value)
    if (list === undefined) throw given.wrong(place, CONDITIONS, value)
    return [key, list.map((one, number) => together(given, `${place}[${number}]`, one, depth + 1))]
  }
  return [Object.fromEntries(entries.map(inner))]
}

/** What may be several conditions as one. */
function together(given: Given, at: string, where: unknown, depth: number): Plain {
  const all = conditions(given, at, where, depth)
  if (all.length === 0) throw given.wrong(at, CONDITION, where)
  return all.length === 1 ? (all[0] as Plain) : { all }
}

/** `{ SEXO: '3' }`: a value, one of a list, or none. */
function short(given: Given, at: string, column: string, value: unknown): Plain {
  if (value === null) return { column, op: 'is_null' }
  const plain = given.scalars(at, value, VALUE_OR_LIST)
  return { column, op: Array.isArray(plain) ? 'in' : 'eq', value: plain }
}

/** A column, to be compared. */
export class Column {
  /** @internal */
  constructor(readonly name: string) {}

  /** The same as of a condition. @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return native.masked(`Column ${inspect({ name: this.name }, options)}`)
  }

  #by(op: Op, value?: Plain): Filter {
    return new Filter(value === undefined ? { column: this.name, op } : { column: this.name, op, value })
  }

  #one(op: Op, value: unknown): Filter {
    const method = op === 'starts_with' ? 'startsWith' : op
    return this.#by(op, new Given(spoken()).scalar(`col(${JSON.stringify(this.name)}).${method}`, value, VALUE))
  }

  #many(op: Op, method: string, values: unknown): Filter {
    const [given, at] = [new Given(spoken()), `col(${JSON.stringify(this.name)}).${method}`]
    const list = given.iterated(at, values, VALUES)
    return this.#by(op, list.map((one, place) => given.scalar(`${at}[${place}]`, one, VALUE)))
  }

  eq(value: Value): Filter {
    return this.#one('eq', value)
  }

  ne(value: Value): Filter {
    return this.#one('ne', value)
  }

  lt(value: Value): Filter {
    return this.#one('lt', value)
  }

  le(value: Value): Filter {
    return this.#one('le', value)
  }

  gt(value: Value): Filter {
    return this.#one('gt', value)
  }

  ge(value: Value): Filter {
    return this.#one('ge', value)
  }

  /** Both ends included. */
  between(from: Value, to: Value): Filter {
    return this.#many('between', 'between', [from, to])
  }

  /** Any of a list: an array, a Set, whatever gives its values one by one. */
  in(values: Iterable<Value>): Filter {
    return this.#many('in', 'in', values)
  }

  notIn(values: Iterable<Value>): Filter {
    return this.#many('not_in', 'notIn', values)
  }

  isNull(): Filter {
    return this.#by('is_null')
  }

  notNull(): Filter {
    return this.#by('not_null')
  }

  /** Text that begins so: `J18` finds `J180` and `J189`. */
  startsWith(text: string): Filter {
    return this.#one('starts_with', text)
  }
}

/** A column by its name: `col('VAL_TOT').between(0, 100).and(col('SEXO').eq('3'))`. */
export function col(name: string): Column {
  return new Column(new Given(spoken()).text('col', name))
}
