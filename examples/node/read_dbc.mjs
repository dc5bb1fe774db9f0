// Um arquivo só: DBC direto para uma tabela Arrow.  node read_dbc.mjs [arquivo.dbc]

import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { exampleData, readDbc } from 'datasus'

let [, , arquivo] = process.argv
if (arquivo === undefined) {
  const pasta = await mkdtemp(path.join(os.tmpdir(), 'datasus-'))
  await exampleData(pasta)
  arquivo = path.join(pasta, 'RDAC2401.dbc')
}

const registros = await readDbc(arquivo)
const tabela = await registros.toTable()
const primeiras = tabela.selectAt([0, 1, 2, 3, 4, 5]).slice(0, 5)
console.table(primeiras.toArray().map((linha) => linha.toJSON()))
const { rows, rowsDeleted, crc } = registros.summary
console.log(`${rows} registros de ${tabela.numCols} colunas, ${rowsDeleted} excluídos, CRC ${crc}`)
