/**
 * DuckDB's own node-api: all rows as chunks, every column's vector at hand, its values decoded when they are asked for
 * (`way=chunks`: its fastest), or as JavaScript's values (`way=columns`).
 */

import { DuckDBInstance } from '@duckdb/node-api'

import { amount, answer, COLUMNS, given, since, sql } from './job.mjs'

const MONEY = COLUMNS.indexOf('VAL_TOT')
const began = performance.now()
const connection = await (await DuckDBInstance.create()).connect()
const result = await connection.stream(sql)
let rows = 0
let cents = 0n
let seconds
if (given.way === 'columns') {
  const columns = await result.getColumns()
  seconds = since(began)
  rows = columns[MONEY].length
  for (const { value } of columns[MONEY]) cents += value
} else {
  const chunks = await result.fetchAllChunks()
  const vectors = chunks.map((chunk) => COLUMNS.map((_, place) => chunk.getColumnVector(place)))
  seconds = since(began)
  for (const { [MONEY]: money } of vectors) {
    rows += money.itemCount
    for (let row = 0; row < money.itemCount; row += 1) cents += money.getItem(row).value
  }
}
answer(seconds, rows, { sums: { VAL_TOT: amount(cents) } })
