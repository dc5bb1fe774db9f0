/** A dataset as people ask for it, out of what the catalogue knows. */

import type { CatalogEntry, Coding, LogicalType } from './contract'
import { shownAs, textTable } from './text_table'

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

/** A column that a dataset has by name alone: the labels of a column's codes, or what is made of others. */
export interface DerivedInfo {
  name: string
  type: string
  meaning: string
  /** Who says so; of labels, the list and its date. */
  source: string
  /** The columns that it is made of. */
  inputs: string[]
  /** The column of the codes; null: it is made by a rule. */
  labelOf: string | null
  /** The list of its labels, as `dictionaries` names it. */
  labelList: string | null
}

/**
 * A dataset as the catalogue knows it. Competência is the month of processing; the event's dates are `eventDates`. `console.log` shows
 * a table, and `console.table(schema.columns)` another one.
 */
export interface DatasetSchema {
  dataset: string
  nome: string
  eventDates: string[]
  columns: ColumnInfo[]
  /** Labels, and what is made of other columns: `SEXO_rotulo`, `idade_anos`. */
  derived: DerivedInfo[]
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
  const derived = catalog.derived.map(({ name, kind, meaning, source, inputs, labelOf, labelList }): DerivedInfo => {
    return { name, type: typeOf(kind), meaning, source, inputs, labelOf: labelOf ?? null, labelList: labelList ?? null }
  })
  const { dataset, nome, eventDates } = catalog
  const schema: DatasetSchema = { dataset, nome, eventDates, columns, derived, catalog }
  return shownAs(schema, () => text(schema))
}

/** Fields of which the catalogue knows the name alone, and the years of the files that have them. */
function fieldsOf({ columns, fields }: CatalogEntry): [string, string][] {
  const known = new Set(columns.map(({ name }) => name))
  const years = new Map<string, [string, string]>()
  for (const { from, to, names } of fields) {
    const [first, last] = [from ?? '', to ?? '']
    for (const name of names.filter((name) => !known.has(name))) {
      const [least, most] = years.get(name) ?? [first, last]
      years.set(name, [first < least ? first : least, last > most ? last : most])
    }
  }
  return [...years].map(([name, [first, last]]) => [name, `${first}-${last}`])
}

function text({ dataset, nome, eventDates, columns, derived, catalog }: DatasetSchema): string {
  // Of a list that is not official, whose it is: its name is long.
  const listOf = ({ labelList, source }: DerivedInfo): string =>
    source.startsWith('não oficial') ? `${labelList?.split('/')[0]} (não oficial)` : `${labelList}`
  const labels = new Map(derived.filter((one) => one.labelOf !== null).map((one) => [one.labelOf, listOf(one)]))
  const years = (of: ColumnInfo['years']): string => (of === null ? '' : `${of[0]}-${of[1]}`)
  const rows = columns.map((one) => [one.name, one.type, years(one.years), labels.get(one.name) ?? '', one.meaning ?? ''])
  const made = derived.filter((one) => one.labelOf === null)
  const parts = [`${dataset}: ${nome} (${columns.length} colunas)`]
  if (eventDates.length > 0) parts.push(`Datas do evento: ${eventDates.join(', ')}`)
  if (rows.length > 0) parts.push(textTable(['coluna', 'tipo', 'anos', 'rótulos', 'significado'], rows, 4))
  const fields = fieldsOf(catalog).map(([name, of]) => [name, of, labels.get(name) ?? ''])
  if (fields.length > 0) {
    parts.push('\nCampos dos arquivos, com o tipo que o cabeçalho de cada um diz:\n')
    parts.push(textTable(['campo', 'anos', 'rótulos'], fields, 2))
  }
  if (made.length > 0) {
    parts.push('\nColunas derivadas, pelo nome; entre parênteses, as de que são feitas:\n')
    const of = made.map((one) => [one.name, one.type, `${one.meaning} (de ${one.inputs.join(', ')})`])
    parts.push(textTable(['coluna', 'tipo', 'significado'], of, 2))
  }
  return parts.join('\n')
}
