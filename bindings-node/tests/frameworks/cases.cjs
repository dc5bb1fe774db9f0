// What a user's tests see, by the framework's own `test` and `expect`.
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')

module.exports = (datasus) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datasus-realm-'))
  const source = path.join(folder, 'source')
  let client

  beforeAll(async () => {
    await datasus.exampleData(source, 100)
    client = await datasus.open({ source, output: path.join(folder, 'output'), language: 'en' })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('an error keeps class and code', async () => {
    const base = { dataset: 'SIH-RD' }
    const fails = { sql: `SELECT CAST(CASE WHEN i = 300000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(400000) r(i)` }
    const read = async (rows) => {
      for await (const row of rows) void row
    }
    const calls = [
      [() => client.query({ dataset: 'SIH-RX' }), 'NotFound', 'DS-404'],
      [() => client.query({ ...base, uf: ['XX', 'YY'] }), 'InvalidParams', 'DS-422'],
      [() => client.query({ ...base, where: Promise.resolve({ SEXO: '3' }) }), 'InvalidParams', 'DS-422'],
      [async () => client.schema('SIH-RX'), 'NotFound', 'DS-404'],
      [async () => (await client.query(fails)).toArray(), 'InvalidParams', 'DS-422'],
      [async () => read(await client.query(fails)), 'InvalidParams', 'DS-422'],
      [async () => read((await client.query(fails)).toReadable({ format: 'csv' })), 'InvalidParams', 'DS-422'],
      [() => client.export(base, { to: datasus.csv('../x.csv') }), 'Forbidden', 'DS-403'],
      [() => datasus.open('/no/such/folder'), 'NotFound', 'DS-404'],
      [() => datasus.open(3), 'InvalidParams', 'DS-422'],
      [() => client.query(base, { signal: AbortSignal.abort() }), 'Cancelled', 'DS-499'],
    ]
    for (const [call, name, code] of calls) {
      const error = await call().then(() => undefined, (caught) => caught)
      expect([error?.name, error?.code]).toEqual([name, code])
      for (const of of [datasus[name], datasus.DatasusError, Error]) expect(error).toBeInstanceOf(of)
      expect(error).not.toBeInstanceOf(datasus.DiskFull)
      expect(error.message).toMatch(new RegExp(`^${code}: `))
    }
    // As a user writes it.
    await expect(client.query({ dataset: 'SIH-RX' })).rejects.toThrow(datasus.NotFound)
    await expect(client.query({ dataset: 'SIH-RX' })).rejects.toMatchObject({ code: 'DS-404', language: 'en' })
  })

  test('values and rows mean the same', async () => {
    const base = { dataset: 'SIH-RD', columns: ['N_AIH', 'VAL_TOT', 'DT_INTER'] }
    const rows = async (more) => (await client.query({ ...base, ...more })).toArray()
    const all = await rows({})
    expect(all.length).toBe(600)
    expect((await (await client.query(base)).toTable()).numRows).toBe(600)
    const some = await rows({ where: [{ SEXO: '3' }, { IDADE: [30, 40, 50] }] })
    expect(some.length).toBeGreaterThan(0)
    expect(some.length).toBeLessThan(600)
    expect(await rows({ where: [{ SEXO: '3' }, { IDADE: new Set([30n, 40, 50]) }] })).toEqual(some)
    expect(await rows({ where: datasus.col('SEXO').eq('3').and(datasus.col('IDADE').in([30, 40, 50])) })).toEqual(some)
    const day = datasus.col('DT_INTER').ge(new Date('2024-01-10'))
    expect(await rows({ where: day })).toEqual(all.filter((row) => row.DT_INTER >= '2024-01-10'))
    const byUrl = await datasus.open({ source: new URL(`file://${source}`) })
    expect((await (await byUrl.query(base)).toArray()).length).toBe(600)
  })
}
