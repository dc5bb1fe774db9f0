/** A dataset as people ask for it, out of what the catalogue knows. */

import type { CatalogEntry, Coding, LogicalType } from './contract'

/** A column of a dataset. */
export interface ColumnInfo {
  name: string
  /** `text`, `integer`, `decimal(p, s)` or `date`. */
  type: string
  /** What it means, in Portuguese; null where no trustworthy source says so. */
  meaning: string | null
  /** Who says so. */
  source: string | null
  /** First and last year of the files that have it. */
  years: [number, number] | null
  /**
   * How its codes are written in every year: `digits(7)` (with the zeros on the left), `municipality` (six digits), `year` (four
   * digits); null: as the files have them.
   */
  form: string | null
  /** Where the code itself changed: what it was for each stretch of years, oldest first. */
  codings: Coding[]
}

/** A dataset as the catalogue knows it. Competência is the month of processing; the event's dates are `eventDates`. */
export interface DatasetSchema {
  dataset: string
  nome: string
  eventDates: string[]
  columns: ColumnInfo[]
  /** Everything that the catalogue knows. */
  catalog: CatalogEntry
}

function typeOf(kind: LogicalType): string {
  if (typeof kind === 'string') return kind
  if ('decimal' in kind) return `decimal(${kind.decimal.precision}, ${kind.decimal.scale})`
  return Object.keys(kind)[0] ?? 'text'
}

/** @internal */
export function schemaOf(catalog: CatalogEntry): DatasetSchema {
  const columns = catalog.columns.map(({ name, kind, meaning, eras, form, codings }): ColumnInfo => {
    const [first, last] = [eras[0], eras.at(-1)]
    return {
      name,
      type: typeOf(kind),
      meaning: meaning?.pt ?? null,
      source: meaning?.source ?? null,
      years: first === undefined || last === undefined ? null : [first.firstYear, last.lastYear],
      form: form?.form ?? null,
      codings,
    }
  })
  const { dataset, nome, eventDates } = catalog
  return { dataset, nome, eventDates, columns, catalog }
}
