import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

import { NotFound, open, readDbc } from 'datasus'

import { folder, source } from './example_folder.mjs'

const words = (rows, name) => [...new Set(rows.map((row) => row[name]))].sort()

test('a file that is read by itself has labels', async () => {
  const rows = await (await readDbc(path.join(source, 'RDAC2401.dbc'), { columns: ['SEXO'], labels: true })).toArray()
  assert.deepEqual(Object.keys(rows[0]), ['SEXO', 'SEXO_rotulo'])
  assert.deepEqual(words(rows, 'SEXO_rotulo'), ['Feminino', 'Masculino'])
  const only = await readDbc(path.join(source, 'RDAC2401.dbc'), { columns: ['SEXO'], labels: ['SEXO'], labelsOnly: true })
  assert.deepEqual(Object.keys((await only.toArray())[0]), ['SEXO_rotulo'])
})

test('kits come from a folder and win over the built-in lists', async () => {
  const kit = path.join(folder, 'kits', 'TAB_SIH')
  mkdirSync(kit, { recursive: true })
  const row = (number, label, codes) => `${String(number).padStart(7)}  ${label.padEnd(51)}${codes}\n`
  const text = `3 1\n${row(3, 'Ignorado', '0-9')}${row(1, 'Homem', '1')}${row(2, 'Mulher', '2,3')}`
  writeFileSync(path.join(kit, 'SEXO.CNV'), text, 'latin1')
  const client = await open({ source, lake: path.join(folder, 'labelled'), language: 'en' })
  await assert.rejects(client.syncDictionaries(), NotFound)
  const done = await client.syncDictionaries(path.dirname(kit))
  assert.deepEqual(done.kits.map((one) => [one.kit, one.new]), [['sih', true]])
  const query = { dataset: 'SIH-RD', columns: ['SEXO'], labels: true, labelsOnly: true }
  assert.deepEqual(words(await (await client.query(query)).toArray(), 'SEXO_rotulo'), ['Homem', 'Mulher'])
  assert.ok(client.dictionaries().some((entry) => entry.list === 'sih/SEXO' && entry.source.includes('SHA-256')))
  await client.close()
})
