/**
 * DuckDB's own node-api, a CSV stream into nothing: COPY into a pipe that Node reads (`way=copy`), or rows whose text is made
 * in JavaScript (`way=rows`).
 */

import { execFileSync } from 'node:child_process'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { DuckDBInstance } from '@duckdb/node-api'

import { answer, COLUMNS, given, since, sql } from './job.mjs'
import { Sink } from './sink.mjs'

const sink = new Sink()
const folder = mkdtempSync(path.join(os.tmpdir(), 'datasus-bench-csv-'))
const pipe = path.join(folder, 'pipe')
execFileSync('mkfifo', [pipe])
let rows = 0

async function copied(connection) {
  const copy = connection.run(`COPY (${sql}) TO '${pipe}' (FORMAT csv, HEADER)`)
  const [done] = await Promise.all([copy, pipeline(createReadStream(pipe, { highWaterMark: 1 << 20 }), sink)])
  rows = done.rowsChanged
}

/** A field is quoted where it must be; NULL is nothing. */
const field = (value) => {
  if (value === null) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

async function* written(connection) {
  yield `${COLUMNS.join(',')}\n`
  for await (const chunk of await connection.stream(sql)) {
    rows += chunk.rowCount
    yield chunk
      .getRows()
      .map((row) => `${row.map(field).join(',')}\n`)
      .join('')
  }
}

try {
  const began = performance.now()
  const connection = await (await DuckDBInstance.create()).connect()
  await (given.way === 'rows' ? pipeline(Readable.from(written(connection)), sink) : copied(connection))
  answer(since(began), rows, { bytes: sink.bytes, ...sink.found() })
} finally {
  rmSync(folder, { recursive: true })
}
