/** The same job for every peer in Node, and how a peer answers; see job.py. Imports come before the clock. */

import { readFileSync } from 'node:fs'

const TEXTS = ['UF_ZI', 'N_AIH', 'CNES', 'MUNIC_RES', 'SEXO', 'DIAG_PRINC', 'PROC_REA', 'RACA_COR']
const NUMBERS = ['IDADE', 'DIAS_PERM', 'QT_DIARIAS', 'UTI_MES_TO', 'MORTE', 'DIAR_ACOM']
const DATES = ['NASC', 'DT_INTER', 'DT_SAIDA']

export const COLUMNS = [...TEXTS, ...NUMBERS, ...DATES, 'VAL_SH', 'VAL_SP', 'VAL_TOT']

export const given = Object.fromEntries(process.argv.slice(2).map((word) => word.split(/=(.*)/s).slice(0, 2)))

export const sql = `SELECT ${COLUMNS.join(', ')} FROM read_parquet('${given.data}/*.parquet')`

/** Seconds since. */
export const since = (began) => (performance.now() - began) / 1000

/** Cents as the exact text of an amount. */
export const amount = (cents) => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`

export function answer(seconds, rows, more = {}) {
  console.log(JSON.stringify({ seconds, rows, ...more }))
}

/** CPU time of the event loop's thread, in ms; 0 where the system does not say. */
function busy() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return 0
  }
}

/**
 * Follows the event loop by a ticker of 10 ms. Its end gives the gaps between two ticks, in ms: `p99_ms` and `max_ms`, and
 * `busy_ms`, the most that the loop itself worked in one of them: the rest of a gap it waited for a core.
 */
export function ticking() {
  const gaps = []
  let [last, worked, busiest] = [performance.now(), busy(), 0]
  function tick() {
    const [now, work] = [performance.now(), busy()]
    gaps.push(now - last)
    busiest = Math.max(busiest, work - worked)
    last = now
    worked = work
  }
  const ticker = setInterval(tick, 10)
  return () => {
    clearInterval(ticker)
    // One that is under way counts, too.
    tick()
    gaps.sort((one, other) => one - other)
    return { p99_ms: gaps[Math.floor(gaps.length * 0.99)], max_ms: gaps.at(-1), busy_ms: busiest }
  }
}
