/** Conditions, built by methods instead of objects. */

import type { Filter as Condition } from './contract'

/** A value that a column is compared with; a Date stands for its day (in UTC). */
export type Value = string | number | bigint | boolean | Date

/** The contract's form of a value. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Date) return value.toISOString().slice(0, 10)
  return value
}

/** A condition; combine it by {@link Filter.and}, {@link Filter.or} and {@link Filter.not}. */
export class Filter {
  constructor(private readonly form: Condition) {}

  /** Both hold. */
  and(...others: Filter[]): Filter {
    return new Filter({ all: [this, ...others].map((one) => one.toJSON()) })
  }

  /** At least one holds. */
  or(...others: Filter[]): Filter {
    return new Filter({ any: [this, ...others].map((one) => one.toJSON()) })
  }

  /** It does not hold. */
  not(): Filter {
    return new Filter({ not: this.form })
  }

  /** The condition as the contract has it. */
  toJSON(): Condition {
    return this.form
  }
}

/** A column, to be compared. */
export class Column {
  constructor(readonly name: string) {}

  #by(op: string, value?: unknown): Filter {
    const form = value === undefined ? { column: this.name, op } : { column: this.name, op, value: plain(value) }
    return new Filter(form as Condition)
  }

  eq(value: Value): Filter {
    return this.#by('eq', value)
  }

  ne(value: Value): Filter {
    return this.#by('ne', value)
  }

  lt(value: Value): Filter {
    return this.#by('lt', value)
  }

  le(value: Value): Filter {
    return this.#by('le', value)
  }

  gt(value: Value): Filter {
    return this.#by('gt', value)
  }

  ge(value: Value): Filter {
    return this.#by('ge', value)
  }

  /** Both ends included. */
  between(from: Value, to: Value): Filter {
    return this.#by('between', [from, to])
  }

  in(values: Iterable<Value>): Filter {
    return this.#by('in', [...values])
  }

  notIn(values: Iterable<Value>): Filter {
    return this.#by('not_in', [...values])
  }

  isNull(): Filter {
    return this.#by('is_null')
  }

  notNull(): Filter {
    return this.#by('not_null')
  }

  /** Text that begins so: `J18` finds `J180` and `J189`. */
  startsWith(text: string): Filter {
    return this.#by('starts_with', text)
  }
}

/** A column by its name: `col('VAL_TOT').between(0, 100).and(col('SEXO').eq('3'))`. */
export function col(name: string): Column {
  return new Column(name)
}
