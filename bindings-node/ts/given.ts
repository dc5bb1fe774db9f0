/**
 * Looks at what a caller passed before it is used. JSON would leave a function or a symbol out, make `{}` of a Map, a Promise or a
 * Set and letters of a text: a query with fewer conditions than were written. Here each is taken as it is meant, or refused with the
 * parameter's name. Values of another realm (Jest, `node:vm`) are known by what they are, not by their constructor.
 */

import { inspect, types } from 'node:util'
import { fileURLToPath } from 'node:url'

import { DatasusError, invalid, spoken, type Language, type Words } from './errors'

/** What JSON has, and integers with all their digits. @internal */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain }

/** What is expected, in both languages, and examples of it. @internal */
export interface Expected extends Words {
  examples?: readonly unknown[]
}

const DEEPEST = 64
/** Elements of a list; the contract's own bounds are tighter. */
const MOST = 100_000

const ANY: Expected = { pt: 'um texto, um número, true, false ou null', en: 'text, a number, true, false or null' }
const TEXT: Expected = { pt: 'um texto', en: 'text' }
const OBJECT: Expected = { pt: 'um objeto simples, como {chave: valor}', en: 'a plain object, as {key: value}' }
const DAY: Expected = {
  pt: 'um dia: uma Date à meia-noite (local ou UTC), ou um texto',
  en: 'a day: a Date at midnight (local or UTC), or text',
  examples: ['2024-01-31'],
}
const WHOLE: Expected = {
  pt: 'um inteiro até 2^53; um maior vai como BigInt ou como texto, que não se arredondam',
  en: 'an integer up to 2^53; a larger one goes as a BigInt or as text, which are not rounded',
  examples: ['9007199254740993n'],
}
const SHORT: Expected = { pt: `uma lista de ${MOST} valores no máximo`, en: `a list of ${MOST} values at most` }
const PATH: Expected = {
  pt: 'um caminho: texto ou URL file:',
  en: 'a path: text or a file: URL',
  examples: ['/dados/datasus', 'file:///dados/datasus'],
}

/** Refuses and takes in one language. @internal */
export class Given {
  constructor(readonly language: Language) {}

  /** The error that names the parameter, what came, and what is expected. */
  wrong(at: string, expected: Expected, value: unknown, cause?: unknown): DatasusError {
    const came = described(value)
    const { examples } = expected
    const example = examples?.[0] === undefined ? undefined : String(examples[0])
    const words = {
      pt: `\`${at}\`: esperado ${expected.pt}${example === undefined ? '' : `, por exemplo ${example}`}; recebido ${came.pt}`,
      en: `\`${at}\`: expected ${expected.en}${example === undefined ? '' : `, for example ${example}`}; received ${came.en}`,
    }
    const facts = { parameter: at, expected_format: expected.en, received: came.en, ...(examples && { valid_examples: examples }) }
    return invalid(words, this.language, facts, cause)
  }

  /** What the caller's own code does while its value is read (a getter, a Proxy) is not to end in an error of another class. */
  read<T>(at: string, value: unknown, read: () => T): T {
    try {
      return read()
    } catch (cause) {
      if (cause instanceof DatasusError) throw cause
      throw this.wrong(at, { pt: 'um valor que se possa ler', en: 'a value that can be read' }, value, cause)
    }
  }

  /** Text, without half characters: they would become another text on the way. */
  text(at: string, value: unknown, expected: Expected = TEXT): string {
    const text = types.isStringObject(value) ? String.prototype.valueOf.call(value) : value
    if (typeof text === 'string' && !/\p{Surrogate}/u.test(text)) return text
    throw this.wrong(at, expected, value)
  }

  /** A path as text, or as a `file:` URL. */
  path(at: string, value: unknown): string {
    return this.read(at, value, () => {
      const { protocol, href } = Object(value) as { protocol?: unknown; href?: unknown }
      const isUrl = typeof value === 'object' && protocol === 'file:' && typeof href === 'string'
      const path = isUrl ? fileURLToPath(href) : this.text(at, value, PATH)
      if (path === '' || path.includes('\0')) throw this.wrong(at, PATH, value)
      return path
    })
  }

  boolean(at: string, value: unknown): boolean {
    if (typeof value === 'boolean') return value
    throw this.wrong(at, { pt: 'true ou false', en: 'true or false' }, value)
  }

  /** An integer between two bounds. */
  integer(at: string, value: unknown, least: number, most: number): number {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) return number
    const [pt, en] = [`um inteiro de ${least} a ${most}`, `an integer from ${least} to ${most}`]
    throw this.wrong(at, { pt, en }, value)
  }

  /** One of a few words. */
  word<W extends string>(at: string, value: unknown, words: readonly W[]): W {
    const word = words.find((one) => one === value)
    if (word !== undefined) return word
    const list = words.join(', ')
    throw this.wrong(at, { pt: `um de ${list}`, en: `one of ${list}`, examples: words }, value)
  }

  function<F>(at: string, value: unknown): F {
    if (typeof value === 'function') return value as F
    throw this.wrong(at, { pt: 'uma função', en: 'a function' }, value)
  }

  /** A value that is one: not a list, not an object. A Date is its day. */
  scalar(at: string, value: unknown, expected: Expected = ANY): Plain {
    const one = types.isBoxedPrimitive(value) ? this.read(at, value, () => unboxed(value)) : value
    switch (typeof one) {
      case 'string':
        return this.text(at, one, expected)
      case 'boolean':
      case 'bigint':
        return one
      case 'number':
        if (!Number.isFinite(one)) throw this.wrong(at, expected, value)
        if (Number.isInteger(one) && !Number.isSafeInteger(one)) throw this.wrong(at, WHOLE, value)
        return one
    }
    if (one === null) return null
    if (types.isDate(one)) return this.#day(at, one)
    throw this.wrong(at, expected, value)
  }

  /** The day that a Date at midnight stands for, of the calendar where it is midnight. */
  #day(at: string, date: Date): string {
    const time = Date.prototype.getTime.call(date)
    const local = new Date(time)
    const dayMs = 86_400_000
    if (time % dayMs === 0) return local.toISOString().slice(0, local.toISOString().indexOf('T'))
    const [hours, rest] = [local.getHours(), local.getMinutes() + local.getSeconds() + local.getMilliseconds()]
    if (Number.isNaN(time) || hours + rest !== 0) throw this.wrong(at, DAY, date)
    return new Date(Date.UTC(local.getFullYear(), local.getMonth(), local.getDate())).toISOString().slice(0, 10)
  }

  /** The elements of an array, a Set or a typed array of numbers; undefined where it is none of these. Bytes are no list. */
  elements(at: string, value: unknown): unknown[] | undefined {
    return this.read(at, value, () => {
      if (types.isSet(value)) return [...Set.prototype.values.call(value)] as unknown[]
      if (types.isTypedArray(value)) return isBytes(value) ? undefined : Array.from(value as ArrayLike<unknown>)
      if (!Array.isArray(value)) return undefined
      if (value.length > MOST) throw this.wrong(at, SHORT, value)
      // By its places, which an iterator of its own cannot change; a hole is undefined.
      return Array.from({ length: value.length }, (_, place) => value[place] as unknown)
    })
  }

  /** The same of anything that gives its elements one by one; text is one value and no list of letters. */
  iterated(at: string, value: unknown, expected: Expected): unknown[] {
    const elements = this.elements(at, value)
    if (elements !== undefined) return elements
    return this.read(at, value, () => {
      const iterates = typeof (Object(value) as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
      if (typeof value !== 'object' || value === null || !iterates || types.isStringObject(value)) throw this.wrong(at, expected, value)
      if (types.isMap(value) || isBytes(value)) throw this.wrong(at, expected, value)
      const list: unknown[] = []
      for (const one of value as Iterable<unknown>) {
        if (list.push(one) > MOST) throw this.wrong(at, SHORT, value)
      }
      return list
    })
  }

  /** A scalar, or a list of scalars. */
  scalars(at: string, value: unknown, expected: Expected = ANY): Plain {
    const elements = this.elements(at, value)
    if (elements === undefined) return this.scalar(at, value, expected)
    return elements.map((one, place) => this.scalar(`${at}[${place}]`, one, expected))
  }

  /** The entries of a plain object, each read once, in their order. */
  entries(at: string, value: unknown, expected: Expected = OBJECT): [string, unknown][] {
    return this.read(at, value, () => {
      if (!isPlainObject(value)) throw this.wrong(at, expected, value)
      // How it is shown is no part of it.
      return Reflect.ownKeys(value).filter((key) => key !== inspect.custom).map((key): [string, unknown] => {
        const isSeen = Reflect.getOwnPropertyDescriptor(value, key)?.enumerable === true
        if (typeof key === 'string' && isSeen) return [this.text(at, key), value[key]]
        const name = typeof key === 'string' ? JSON.stringify(key) : String(key)
        const [pt, en] = [`chaves de texto, enumeráveis; ${name} não é`, `enumerable keys of text; ${name} is not one`]
        throw this.wrong(at, { pt, en }, value)
      })
    })
  }

  /** The entries of a plain object whose keys are options: what is undefined was not given, and an unknown key is refused. */
  options<K extends string>(at: string, value: unknown, known: readonly K[]): Partial<Record<K, unknown>> {
    if (value === undefined) return {}
    const given = this.entries(at, value)
    for (const [key] of given) {
      if (known.includes(key as K)) continue
      const list = known.join(', ')
      throw this.wrong(at, { pt: `só as chaves ${list}`, en: `no keys but ${list}`, examples: known }, key)
    }
    return Object.fromEntries(given.filter(([, one]) => one !== undefined)) as Partial<Record<K, unknown>>
  }

  /** A tree of scalars, lists and plain objects. */
  tree(at: string, value: unknown, depth = 0): Plain {
    if (depth > DEEPEST) {
      const words = { pt: `até ${DEEPEST} níveis, sem voltas`, en: `${DEEPEST} levels at most, and no circle` }
      throw this.wrong(at, words, value)
    }
    const elements = this.elements(at, value)
    if (elements !== undefined) return elements.map((one, place) => this.tree(`${at}[${place}]`, one, depth + 1))
    if (!isPlainObject(value)) return this.scalar(at, value)
    const entries = this.entries(at, value)
    return Object.fromEntries(entries.map(([key, one]) => [key, this.tree(`${at}.${key}`, one, depth + 1)]))
  }

  /** The signal of a call, if it has one. */
  signal(at: string, value: unknown): AbortSignal | undefined {
    if (value === undefined || value === null) return undefined
    return this.read(at, value, () => {
      const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>
      if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return value as AbortSignal
      throw this.wrong(at, { pt: 'um AbortSignal', en: 'an AbortSignal' }, value)
    })
  }
}

/** The language that options ask for, before they are looked at. @internal */
export function languageOf(options: unknown): Language {
  try {
    return spoken((Object(options) as { language?: unknown }).language)
  } catch {
    return spoken()
  }
}

function unboxed(value: unknown): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value)
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value)
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value)
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value)
  return value
}

function isBytes(value: unknown): boolean {
  return types.isUint8Array(value) || types.isUint8ClampedArray(value) || types.isAnyArrayBuffer(value) || types.isDataView(value)
}

/** An object whose keys are all that it is: of a literal, of JSON, without a prototype, of any realm. @internal */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isBoxedPrimitive(value)) return false
  if (types.isDate(value) || types.isPromise(value) || types.isMap(value) || types.isSet(value) || types.isArgumentsObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

const LONGEST = 80

/** What came, for the error's text. */
function described(value: unknown): Words {
  const same = (text: string): Words => ({ pt: text, en: text })
  switch (typeof value) {
    case 'string': {
      const text = JSON.stringify(value)
      return same(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
    }
    case 'bigint':
      return same(`${value}n`)
    case 'symbol':
      return { pt: `um símbolo, ${String(value)}`, en: `a symbol, ${String(value)}` }
    case 'function': {
      const isClass = /^class\b/.test(Function.prototype.toString.call(value))
      return isClass ? { pt: 'uma classe', en: 'a class' } : { pt: 'uma função', en: 'a function' }
    }
    case 'object':
      return value === null ? same('null') : ofObject(value)
    default:
      return same(String(value))
  }
}

function ofObject(value: object): Words {
  if (types.isPromise(value)) return { pt: 'uma Promise (espere-a com await)', en: 'a Promise (await it)' }
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value)
    const text = Number.isNaN(time) ? 'Invalid Date' : new Date(time).toISOString()
    return { pt: `uma Date, ${text}`, en: `a Date, ${text}` }
  }
  if (types.isGeneratorObject(value)) return { pt: 'um gerador (use [...gerador])', en: 'a generator (use [...generator])' }
  if (isBytes(value)) return { pt: `bytes (${kindOf(value)})`, en: `bytes (${kindOf(value)})` }
  try {
    if (Array.isArray(value)) return { pt: `uma lista de ${value.length}`, en: `a list of ${value.length}` }
    if (isPlainObject(value)) {
      const keys = Object.keys(value).slice(0, 5).join(', ')
      return { pt: `um objeto de chaves {${keys}}`, en: `an object of keys {${keys}}` }
    }
  } catch {
    // A Proxy that does not let itself be looked at.
  }
  return { pt: `um objeto da classe ${kindOf(value)}`, en: `an object of the class ${kindOf(value)}` }
}

function kindOf(value: object): string {
  try {
    const { name } = (value as { constructor?: { name?: unknown } }).constructor ?? {}
    return typeof name === 'string' && name !== '' ? name : 'Object'
  } catch {
    return 'Proxy'
  }
}

/** The JSON of a tree; a BigInt is a number with all its digits. @internal */
export function exactJson(of: Plain): string {
  if (typeof of === 'bigint') return String(of)
  if (of === null || typeof of !== 'object') return JSON.stringify(of)
  if (Array.isArray(of)) return `[${of.map(exactJson).join(',')}]`
  return `{${Object.entries(of).map(([key, value]) => `${JSON.stringify(key)}:${exactJson(value)}`).join(',')}}`
}
