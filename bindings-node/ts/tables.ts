/** Tables of one's own on their way to SQL, as Arrow IPC. */

import { types } from 'node:util'

import type * as Arrow from 'apache-arrow'

import { loaded, type LoadArrow } from './arrow'
import type { Expected, Given } from './given'

/** Rows for a table of one's own: a table of apache-arrow, or an Arrow IPC stream or file as bytes. */
export type TableRows = Arrow.Table | Uint8Array

const ROWS: Expected = {
  pt: 'uma Table do apache-arrow, ou os bytes de um fluxo Arrow IPC',
  en: "a Table of apache-arrow, or an Arrow IPC stream's bytes",
}

function isTable(value: unknown): value is Arrow.Table {
  const { schema, batches } = Object(value) as { schema?: unknown; batches?: unknown }
  return typeof schema === 'object' && schema !== null && Array.isArray(batches)
}

/** Whether a value is rows, and no path. @internal */
export function isRows(given: Given, at: string, value: unknown): value is TableRows {
  return given.read(at, value, () => types.isUint8Array(value) || isTable(value))
}

/** The bytes of rows. @internal */
export async function ipcOf(load: LoadArrow, given: Given, at: string, rows: unknown): Promise<Uint8Array> {
  if (!isRows(given, at, rows)) throw given.wrong(at, ROWS, rows)
  if (types.isUint8Array(rows)) return rows
  const arrow = await loaded(load, given.language)
  return given.read(at, rows, () => arrow.tableToIPC(rows, 'stream'))
}
