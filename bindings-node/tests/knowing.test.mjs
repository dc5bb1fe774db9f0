/** What may be known of the data: profile, search, schema, rates, as Node shows them. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'

import { Cancelled, col, DeadlinePassed, exampleData, InvalidParams, open, profileRows } from 'datasus'

let folder, client

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'datasus-knowing-'))
  await exampleData(folder, 100)
  client = await open({ source: folder, output: folder })
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('a profile counts, and is a table on the console', async () => {
  const profile = await client.profile({ dataset: 'SIH-RD', uf: 'AC', columns: ['SEXO', 'VAL_TOT'] })
  assert.deepEqual([profile.rows, profile.exact, profile.columns.length], [300, true, 2])
  const [sexo] = profile.columns
  assert.equal(sexo.frequent.reduce((sum, one) => sum + one.rows, sexo.nulls), 300)
  assert.match(inspect(profile), /^SIH-RD: 300 linhas, 2 colunas, 202401 a 202403\n/)
  assert.match(inspect(profile), /Masculino/)
  assert.equal(profileRows(profile)[0].column, 'SEXO')
  assert.equal(JSON.parse(JSON.stringify(profile)).columns[0].distinct_exact, true)
  await assert.rejects(client.profile({ dataset: 'SIH-RD', limit: 1 }), InvalidParams)
  await assert.rejects(client.profile({ dataset: 'SIH-RD', options: { deadline: 1e-9 } }), DeadlinePassed)
  await assert.rejects(client.profile({ dataset: 'SIH-RD' }, { signal: AbortSignal.abort() }), Cancelled)
})

test('columns are found by words in names, meanings and labels', () => {
  assert.equal(client.search('sexo', 'SIH-RD')[0].column, 'SEXO')
  assert.equal(client.search('FEMININO', 'SIH-RD')[0].foundIn, 'label')
  assert.deepEqual(client.search('óbito', 'SIH-RD'), client.search('obito', 'SIH-RD'))
})

test('fields of which only the name is known stand in the schema', () => {
  const shown = inspect(client.schema('SINAN-ANIM'))
  assert.match(shown, /TP_ACIDENT +2007-2026 +sinan_dic\/ANIM\/TP_ACIDENT/)
  assert.doesNotMatch(inspect(client.schema('IBGE-POPSVS')), /Campos dos arquivos/)
})

test('a schema is a table on the console', () => {
  const schema = client.schema('SIH-RD')
  assert.match(inspect(schema), /^SIH-RD: .*\n/)
  assert.match(inspect(schema), /sih\/SEXO/)
  assert.ok(schema.derived.some((one) => one.name === 'idade_anos' && one.labelOf === null))
})

test('rates of infants by births', async () => {
  const events = { dataset: 'SIM-DO', competencia: 2022, where: col('obito_infantil').eq(1) }
  const { rows, per } = await client.rates(events, { population: { dataset: 'SINASC-DN' }, per: 1000 })
  assert.equal(per, 1000)
  assert.ok(rows.length > 3)
  for (const row of rows) assert.equal(row.crude, (1000 * row.events) / row.population)
})
