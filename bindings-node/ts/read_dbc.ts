/** One DBC or DBF file, without a client. */

import type { LoadArrow } from './arrow'
import type { FileSummary } from './contract'
import { atOnce, defect, settled, spoken, type Language } from './errors'
import { exactJson, Given, languageOf } from './given'
import { native } from './native'
import { settings } from './params'
import { Rows } from './result'
import { stoppable } from './stoppable'
import { told } from './told'
import { Warnings } from './warnings'

/** What of a file is wanted. */
export interface ReadOptions {
  /** In this order, in any case, labels and derived columns (`idade_anos`) among them; left out: every column, in the file's order. */
  columns?: string[]
  /** Whose types the columns have, where the file's name does not tell: `SIH-RD`. */
  dataset?: string
  /** False: every column is text, as it stands in the file. True (default): numbers, money and days have types. */
  typed?: boolean
  /** True (default): a DBC whose CRC-32 does not match ends with DS-460. */
  verifyCrc?: boolean
  /** Rows of a batch, but for the last; 65,536. */
  batchRows?: number
  /**
   * What text is written in; `auto` reads the file once before and says in `summary.warnings` what it found. Left out: Latin-1 for
   * files of the catalogue, which are never guessed; `auto` for others.
   */
  encoding?: 'latin-1' | 'cp850' | 'cp1252' | 'utf-8' | 'auto'
  /** True: where the header declares more records than there are, those that are there are read, with a warning. */
  partial?: boolean
  /** Words for codes: true, or a list of columns, puts `SEXO_rotulo` beside `SEXO`. A code without a label is null, and counted in `summary.unlabelled`. */
  labels?: boolean | string[]
  /** True: a label stands in its code's place. */
  labelsOnly?: boolean
  /** Language of the texts for people; Portuguese. */
  language?: 'pt' | 'en'
}

/** The records of one file: read once, as they come. */
export class FileRecords extends Rows {
  readonly #summary: () => string

  /** @internal */
  constructor(rows: ConstructorParameters<typeof Rows>[0], summary: () => string, arrow: LoadArrow, language: Language) {
    super(rows, arrow, language)
    this.#summary = summary
  }

  /** @internal */
  protected override ended(): void {
    new Warnings().tell(this.summary?.warnings ?? [])
  }

  /** What was noticed: deleted and unreadable records, values that did not parse, codes without a label; null before the last row. */
  get summary(): FileSummary | null {
    return told<FileSummary | null>(this.#summary(), 'FileSummary')
  }
}

/** @internal */
export async function readDbcWith(arrow: LoadArrow, path: string | URL, options: ReadOptions = {}): Promise<FileRecords> {
  const given = new Given(languageOf(options))
  const place = given.path('path', path)
  const { language, ...wanted } = settings(given, 'options', options)
  if (language !== undefined) given.word('options.language', language, ['pt', 'en'])
  const file = await settled(native.readDbc(place, exactJson(wanted), given.language))
  const rows = atOnce(() => file.rows())
  const nothing = { pt: 'um arquivo não deu registros', en: 'a file gave no records' }
  if (rows === null) throw defect(nothing, given.language)
  return new FileRecords(rows, () => file.summary(), arrow, given.language)
}

/**
 * Writes small made-up files of five datasets into a folder, to try things on; `rows` records in each (of deaths, twice as many).
 * Files that are there stay.
 */
export async function exampleData(folder: string | URL, rows = 1_000, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
  const given = new Given(spoken())
  const place = given.path('folder', folder)
  const count = given.integer('rows', rows, 0, MOST_EXAMPLES)
  const signal = given.signal('signal', given.options('options', options, ['signal']).signal)
  await stoppable(signal, given.language, (stop) => native.exampleData(place, count, stop))
}

/** A file counts its records in 32 bits. */
const MOST_EXAMPLES = 2 ** 31 - 1
