// One folder of made-up files for the tests of a file, and what several of them need.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { exampleData, open } from 'datasus'

export const folder = mkdtempSync(path.join(tmpdir(), 'datasus-node-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

export const source = path.join(folder, 'source')
await exampleData(source, 100)

export const client = await open({ source, output: path.join(folder, 'output'), language: 'en' })

/** Where nothing else is at work (`make soak`), what is promised in milliseconds is measured as well. */
export const QUIET = Boolean(process.env.DATASUS_SOAK)

setFlagsFromString('--expose-gc')
/** A full collection, now. */
export const gc = runInNewContext('gc')

/** Work without an end in sight. */
export const ENDLESS = {
  sql: `SELECT count(*) AS n FROM sih_rd a, sih_rd b, sih_rd c, sih_rd d WHERE a.IDADE + b.IDADE > c.IDADE * d.IDADE`,
}
/** Ten million rows, made by the engine. */
export const TEN_MILLION = {
  sql: `SELECT i, i % 1000 AS k, 'x' || (i % 100) AS t, CAST(i % 100000 AS DECIMAL(14, 2)) AS v FROM range(10000000) r(i)`,
}

/** Looks until something is so; for so long only what never comes is waited for. */
export async function until(isSo, what, seconds = 120) {
  for (const end = Date.now() + seconds * 1000; !(await isSo()); await new Promise((go) => setTimeout(go, 20))) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`)
  }
}
