// Carga: para PostgreSQL (DATASUS_POSTGRES=postgres://...), ou para CSV e Parquet.  node load.mjs [pasta]

import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { csv, exampleData, open, parquet, postgres } from 'datasus'

const temporaria = () => mkdtemp(path.join(os.tmpdir(), 'datasus-'))
const pasta = process.argv[2] ?? (await temporaria())
if (process.argv[2] === undefined) await exampleData(pasta)
const cliente = await open({ source: pasta, output: await temporaria() })

const destinos = process.env.DATASUS_POSTGRES
  ? [postgres('datasus_exemplo.internacoes', { mode: 'replace' })]
  : [csv('internacoes.csv', { delimiter: ';', decimalComma: true }), parquet('internacoes.parquet')]

const consulta = { dataset: 'SIH-RD', columns: ['N_AIH', 'CNES', 'DIAG_PRINC', 'DT_INTER', 'VAL_TOT'] }
const relatorio = await cliente.export(consulta, { to: destinos })
console.log(`${relatorio.recordsProcessed} registros, ${relatorio.deadLetters} rejeitados; agora em`, relatorio.storage)
