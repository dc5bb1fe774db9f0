/** What is in the columns, as people read it. */

import type { ColumnProfile, FrequentValue, Profile } from './contract'
import { shownAs, textTable } from './text_table'
import { told } from './told'

/** A column of a profile in one row, for `console.table`. */
export interface ProfileRow {
  column: string
  kind: string
  nulls: number
  distinct: number
  min: string | null
  max: string | null
  /** Of the most frequent value. */
  frequent: string | null
  unlabelled: number
  badValues: number
  changes: number
}

const HEAD = ['coluna', 'tipo', 'NULL', 'distintos', 'de', 'até', 'mais frequentes', 'sem rótulo', 'não lidos', 'mudanças']
const WIDE = HEAD.indexOf('mais frequentes')
/** Frequent values that a table shows. */
const SHOWN = 4

function percent(share: number): string {
  if (share > 0 && share < 0.001) return '< 0,1 %'
  if (share > 0.999 && share < 1) return '> 99,9 %'
  return `${(share * 100).toFixed(1).replace(/\.0$/, '').replace('.', ',')} %`
}

/** The label; with the code where another one has the same. */
function named(one: FrequentValue, among: readonly FrequentValue[]): string {
  if (!one.label) return one.value
  return among.filter(({ label }) => label === one.label).length === 1 ? one.label : `${one.value} ${one.label}`
}

function row(column: ColumnProfile, rows: number): string[] {
  const frequent = column.frequent.slice(0, SHOWN).map((one) => `${named(one, column.frequent)} ${percent(one.rows / rows)}`)
  const some = (count: number): string => (count > 0 ? count.toLocaleString('pt-BR') : '')
  return [
    column.name,
    column.kind,
    column.nulls > 0 ? percent(column.nulls / rows) : '',
    `${column.distinctExact ? '' : '≈ '}${column.distinct.toLocaleString('pt-BR')}`,
    column.min ?? '',
    column.max ?? '',
    frequent.join('; '),
    some(column.unlabelled),
    some(column.badValues),
    some(column.changes.length),
  ]
}

/** The columns of a profile, a row each, for `console.table`. */
export function profileRows(profile: Profile): ProfileRow[] {
  return profile.columns.map(({ name, kind, nulls, distinct, min, max, frequent, unlabelled, badValues, changes }) => {
    const [first] = frequent
    const most = first === undefined ? null : named(first, frequent)
    return { column: name, kind, nulls, distinct, min, max, frequent: most, unlabelled, badValues, changes: changes.length }
  })
}

function text(profile: Profile): string {
  const { dataset, rows, columns, competencias, exact, warnings } = profile
  const [first, last] = [competencias[0], competencias.at(-1)]
  const when = first === undefined || last === undefined ? '' : `, ${first.competencia} a ${last.competencia}`
  const size = `${rows.toLocaleString('pt-BR')} linhas, ${columns.length} colunas${when}${exact ? '' : ' (AMOSTRA)'}`
  const table = textTable(HEAD, columns.map((column) => row(column, rows)), WIDE)
  return [`${dataset}: ${size}`, table, ...warnings.map((warning) => `- ${warning}`)].join('\n')
}

/** @internal */
export function profileOf(json: string): Profile {
  const profile = told<Profile>(json, 'Profile')
  return shownAs(profile, () => text(profile))
}
