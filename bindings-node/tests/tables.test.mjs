import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { InvalidParams, open } from 'datasus'

import { source } from './example_folder.mjs'

const CSV = 'N_AIH;UF_ZI;ANO_CMPT;MES_CMPT;VAL_TOT\n0000000000001;120000;2024;01;10,50\n0000000000002;350000;2024;01;7,25\n'

const place = () => mkdtempSync(path.join(tmpdir(), 'datasus-tables-'))
const rows = async (client, sql) => (await client.query({ sql })).toArray({ integers: 'number' })

test('tables of one\'s own are paths, tables of apache-arrow, or the bytes of Arrow IPC', async () => {
  const folder = place()
  writeFileSync(path.join(folder, 'nomes.csv'), 'uf|nome\n12|Acre\n35|São Paulo\n')
  const populacao = tableFromArrays({ uf: ['12', '35'], pessoas: new Int32Array([830018, 44411238]) })
  const areas = tableFromArrays({ uf: ['12'], area: new Float64Array([164173.5]) })
  const tables = { nomes: pathToFileURL(path.join(folder, 'nomes.csv')), populacao, areas: tableToIPC(areas, 'file') }
  const client = await open({ source, lake: path.join(folder, 'lake'), tables, csv: { nomes: { delimiter: '|' } } })
  const sql = 'SELECT nome, pessoas, area FROM nomes JOIN populacao USING (uf) LEFT JOIN areas USING (uf) ORDER BY nome'
  assert.deepEqual(await rows(client, sql), [
    { nome: 'Acre', pessoas: 830018, area: 164173.5 },
    { nome: 'São Paulo', pessoas: 44411238, area: null },
  ])
  await client.addTable('areas', tableToIPC(tableFromArrays({ uf: ['12', '35'] }), 'stream'))
  assert.deepEqual(await rows(client, 'SELECT count(*) AS n FROM areas'), [{ n: 2 }])
  const named = (await rows(client, 'SHOW TABLES')).map(({ name }) => name)
  for (const name of ['areas', 'nomes', 'populacao', 'sih_rd']) assert.ok(named.includes(name), name)
  await assert.rejects(client.addTable('areas', new Uint8Array([1, 2, 3])), InvalidParams)
  await assert.rejects(client.addTable('sih_rd', populacao), InvalidParams)
  await assert.rejects(client.addTable('areas', 'caminho.csv'), InvalidParams)
  await client.close()
})

test('what is declared may stand as the source', async () => {
  const folder = place()
  writeFileSync(path.join(folder, 'saidas.csv'), CSV)
  const lake = path.join(folder, 'lake')
  const client = await open({ source: { 'SIH-RD': [path.join(folder, '*.csv')] }, lake })
  const result = await client.query({ dataset: 'SIH-RD', uf: 'AC', columns: ['N_AIH'] })
  assert.deepEqual(await result.toArray(), [{ N_AIH: '0000000000001' }])
  await client.close()
  await assert.rejects(open({ source: { 'SIH-RD': 'a.csv' }, declared: { 'SIH-RD': 'b.csv' } }), InvalidParams)
  await assert.rejects(open({ source: [] }), InvalidParams)
})
