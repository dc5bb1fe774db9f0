/** Ours, from Node: all rows as a Table of apache-arrow (`way=table`), or through Arrow IPC (`way=ipc`). */

import { tableFromIPC } from 'apache-arrow'
import { open } from 'datasus'

import { amount, answer, COLUMNS, given, since, ticking } from './job.mjs'

const ended = ticking()
const began = performance.now()
const client = await open(given.data)
const result = await client.query({ dataset: 'SIH-RD', columns: COLUMNS })
const table = given.way === 'ipc' ? tableFromIPC(await result.toIPC()) : await result.toTable()
const seconds = since(began)
const lag = ended()

let cents = 0n
for (const { values, length } of table.getChild('VAL_TOT').data) {
  // 128 bits each, of which these amounts need the lower half.
  const halves = new BigInt64Array(values.buffer, values.byteOffset, length * 2)
  for (let row = 0; row < length; row += 1) cents += halves[row * 2]
}
const bytes = table.batches.reduce((sum, { data }) => sum + data.children.reduce((all, child) => all + child.byteLength, 0), 0)
answer(seconds, table.numRows, { bytes, ...lag, sums: { VAL_TOT: amount(cents) } })
