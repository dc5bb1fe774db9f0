/** Every example runs as it is, on made-up files, and says what it did. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { exampleData, open } from 'datasus'

import { startPostgres } from '../../bindings-node/tests/postgres.mjs'

const run = promisify(execFile)
let folder

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'datasus-node-examples-'))
})

after(() => rm(folder, { recursive: true, force: true }))

/** What a program says; its temporary files go with the test. */
async function said(name, environment = {}, ...words) {
  const { DATASUS_POSTGRES: _, ...others } = process.env
  const env = { ...others, TMPDIR: folder, ...environment }
  const program = path.join(import.meta.dirname, `${name}.mjs`)
  const { stdout, stderr } = await run(process.execPath, [program, ...words], { cwd: folder, env, timeout: 300_000 })
  assert.equal(stderr, '')
  return stdout
}

const SAYS = {
  query: [/│ +'3' +│ 3000 +│ '6281988\.86' +│/, /^\d+ internações de crianças/m, /^DS-422: .*\n- DS-422: /m],
  load: [/^6000 registros, 0 rejeitados/m, /internacoes\.csv/, /internacoes\.parquet/],
  resume: [/^a carga terminou com SIGKILL$/m, /^\w{26} crashed$/m, /^600000 registros; já estavam: \{ csv: \d+ \}/m],
  cancel: [/^DS-504: /m, /^running\n(running\n)*cancelled\n/m, /^DS-499: o usuário desistiu$/m],
  rates: [/^120040: \d+ óbitos, [\d.]+ por 100 mil; padronizada [\d.]+$/m, /^120040: \d+ de \d+ nascidos, [\d.]+ por mil$/m, /^DS-404$/m],
  read_dbc: [/^1000 registros de 113 colunas, \d+ excluídos, CRC ok$/m],
}

for (const [name, patterns] of Object.entries(SAYS)) {
  test(`${name} says what it did`, async () => {
    const output = await said(name)
    for (const pattern of patterns) assert.match(output, pattern)
  })
}

describe('with a PostgreSQL', () => {
  let server

  before(async () => {
    server = await startPostgres()
  })

  after(() => server.stop())

  const figures = (table) => server.query(`SELECT count(*), count(DISTINCT n_aih), sum(val_tot) FROM datasus_exemplo.${table}`)

  test('the load goes into a table', async () => {
    const output = await said('load', { DATASUS_POSTGRES: server.url })
    assert.match(output, /^6000 registros, 0 rejeitados; agora em \{ postgres: 'datasus_exemplo\.internacoes' \}$/m)
    assert.equal(await figures('internacoes'), '6000|5880|13571294.38')
  })

  test('a load that was killed goes on into the same table, and nothing is lost or comes twice', async () => {
    const source = path.join(folder, 'large')
    await mkdir(source)
    await exampleData(source, 100_000)
    const output = await said('resume', { DATASUS_POSTGRES: server.url }, source)
    assert.match(output, /^a carga terminou com SIGKILL$/m)
    assert.match(output, /^\w{26} crashed$/m)
    // Where the kill came before the first COMMIT, the table held nothing yet.
    assert.match(output, /^600000 registros; já estavam: (\{ postgres: \d+ \}|null)/m)

    const aggregates = { rows: 'count', aihs: ['count_distinct', 'N_AIH'], money: ['sum', 'VAL_TOT'] }
    const [whole] = await (await (await open(source)).query({ dataset: 'SIH-RD', aggregates })).toArray()
    assert.equal(await figures('retomada'), Object.values(whole).join('|'))
  })
})
