/** What the core tells, as JavaScript has it: keys in camel case, every part by its type in the contract. */

import { PARTS } from './contract'

function camel(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function dressed(form: unknown, type: string): unknown {
  if (Array.isArray(form)) return form.map((one) => dressed(one, type))
  if (form === null || typeof form !== 'object') return form
  const parts = PARTS[type] ?? {}
  // Values that are objects of other keys (names of columns, of sinks) stay as they are.
  const entries = Object.entries(form).map(([key, value]): [string, unknown] => {
    const part = Object.hasOwn(parts, key) ? parts[key] : undefined
    return [camel(key), part === undefined ? value : dressed(value, part)]
  })
  const told = Object.fromEntries(entries)
  // `JSON.stringify` gives the contract's JSON, as every language has it.
  Object.defineProperty(told, 'toJSON', { value: () => form, enumerable: false })
  return told
}

/** The same of what was read already. @internal */
export function toldOf<T>(form: unknown, type: string): T {
  return dressed(form, type) as T
}

/** Reads JSON of the contract's `type`, or of a list of them. @internal */
export function told<T>(json: string, type: string): T {
  return dressed(JSON.parse(json), type) as T
}
