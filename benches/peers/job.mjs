/** The same job for every peer in Node, and how a peer answers; see job.py. Imports come before the clock. */

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

/** Follows the event loop by a ticker of 10 ms; gives the gaps between its ticks, in ms, sorted. */
export function ticking() {
  const gaps = []
  let last = performance.now()
  const ticker = setInterval(() => {
    const now = performance.now()
    gaps.push(now - last)
    last = now
  }, 10)
  return () => {
    clearInterval(ticker)
    // One that is under way counts, too.
    gaps.push(performance.now() - last)
    return gaps.sort((one, other) => one - other)
  }
}
