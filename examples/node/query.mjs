// Consulta: internações por sexo, e as de crianças.  node query.mjs [pasta]

import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { col, exampleData, InvalidParams, open } from 'datasus'

const temporaria = () => mkdtemp(path.join(os.tmpdir(), 'datasus-'))
const pasta = process.argv[2] ?? (await temporaria())
if (process.argv[2] === undefined) await exampleData(pasta)
const cliente = await open(pasta)

const porSexo = await cliente.query({
  dataset: 'SIH-RD',
  groupBy: 'SEXO',
  aggregates: { internacoes: 'count', valor: ['sum', 'VAL_TOT'] },
  orderBy: '-internacoes',
})
console.table(await porSexo.toArray({ integers: 'number' })) // o valor é texto: centavos não se arredondam

// IDADE sozinha não basta: COD_IDADE diz se são dias (2), meses (3) ou anos (4).
const menoresDeDez = col('COD_IDADE')
  .in(['2', '3'])
  .or(col('COD_IDADE').eq('4').and(col('IDADE').lt(10)))
const criancas = await cliente.query({ dataset: 'SIH-RD', columns: ['CNES', 'DIAG_PRINC', 'VAL_TOT'], where: menoresDeDez })
let linhas = 0
for await (const lote of criancas) linhas += lote.numRows // como chegam, sem esperar por todas
const { performance } = await criancas.report()
console.log(`${linhas} internações de crianças; ${performance.durationSec} s`)

try {
  await cliente.query({ dataset: 'SIH-RD', competencia: '2024-M1', columns: ['VALTOT'] })
} catch (erro) {
  if (!(erro instanceof InvalidParams)) throw erro
  console.log(erro.message)
}
