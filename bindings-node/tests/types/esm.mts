// Compiled in strict mode, not run: the types as an application sees them.
import type { Table } from 'apache-arrow'
import { col, csv, InvalidParams, open, postgres, type Job, type Query, type Report } from 'datasus'

const query: Query = {
  dataset: 'SIH-RD',
  uf: ['AC', 'SP'],
  competencia: { from: '202301', to: '202312' },
  where: [col('IDADE').between(0, 17).and(col('SEXO').eq('3')), { UF_ZI: ['120000'], MORTE: null }],
  groupBy: 'CNES',
  aggregates: { valor: ['sum', 'VAL_TOT'], n: 'count' },
  orderBy: ['-valor'],
  options: { onEmergency: 'spill', checkpointRows: 10_000 },
}
// @ts-expect-error no such function
const wrong: Query = { dataset: 'SIH-RD', aggregates: { valor: ['median', 'VAL_TOT'] } }
// @ts-expect-error no such key
const unknown: Query = { dataset: 'SIH-RD', grupBy: 'CNES' }
// @ts-expect-error no such mode
postgres('a.b', { mode: 'overwrite' })

export async function used(signal: AbortSignal): Promise<Table | string> {
  await using client = await open({ source: '.', language: 'en', memoryLimit: 1e9 })
  const job: Job = await client.submit(query, { to: [csv('a.csv', { decimalComma: true, delimiter: ';' })], signal })
  for await (const { status, progress } of job) console.log(status, progress.fraction?.toFixed(2))
  const report: Report = await job.report()
  console.log(report.performance.throughputRps, wrong, unknown)
  try {
    await using result = await client.query({ sql: 'SELECT 1', bind: { n: 1n } }, { signal })
    for await (const batch of result) console.log(batch.numRows)
    result.toReadable({ format: 'csv', delimiter: ';' }).pipe(process.stdout)
    return await result.toTable()
  } catch (error) {
    if (error instanceof InvalidParams) return error.problems.map((problem) => problem.detail).join('\n')
    throw error
  }
}
