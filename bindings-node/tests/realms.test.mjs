// The package in another realm than the addon's, as in Jest and in threads of vitest: `Error`, `Object`, `Date` are others there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import vm from 'node:vm'

import * as ours from 'datasus'

import { client, folder, source } from './example_folder.mjs'

const require = createRequire(import.meta.url)

/** Loads a CommonJS module, and what it loads, within a context; addons and Node's own modules are the process's. */
function realm() {
  const { process, Buffer, URL, AbortController, AbortSignal, setTimeout, setImmediate, console, TextEncoder, TextDecoder } = globalThis
  const globals = { process, Buffer, URL, AbortController, AbortSignal, setTimeout, setImmediate, console, TextEncoder, TextDecoder }
  const context = vm.createContext({ ...globals })
  context.globalThis = context
  const loaded = new Map()
  function load(file) {
    if (loaded.has(file)) return loaded.get(file).exports
    if (file.endsWith('.node')) return require(file)
    const module = { exports: {} }
    loaded.set(file, module)
    const of = createRequire(file)
    const inside = (name) => {
      const found = of.resolve(name)
      return path.isAbsolute(found) ? load(found) : of(name)
    }
    const names = ['exports', 'require', 'module', '__filename', '__dirname']
    const run = vm.compileFunction(readFileSync(file, 'utf8'), names, { filename: file, parsingContext: context })
    run(module.exports, inside, module, file, path.dirname(file))
    return module.exports
  }
  return { run: (code) => vm.runInContext(code, context), theirs: load(require.resolve('datasus')) }
}

const { run, theirs } = realm()

test('an error keeps class and code in another realm', async () => {
  assert.notEqual(theirs.InvalidParams, ours.InvalidParams)
  const there = await theirs.open({ source, output: folder, language: 'en' })
  const fails = { sql: `SELECT CAST(CASE WHEN i = 300000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(400000) r(i)` }
  const calls = [
    [() => there.query({ dataset: 'SIH-RX' }), 'NotFound', 'DS-404'],
    [() => there.query({ dataset: 'SIH-RD', uf: ['XX', 'YY'] }), 'InvalidParams', 'DS-422'],
    [() => there.query({ dataset: 'SIH-RD', where: 5 }), 'InvalidParams', 'DS-422'],
    [async () => there.schema('SIH-RX'), 'NotFound', 'DS-404'],
    [async () => (await there.query(fails)).toArray(), 'InvalidParams', 'DS-422'],
    [() => theirs.open('/no/such/folder'), 'NotFound', 'DS-404'],
    [() => there.query({ dataset: 'SIH-RD' }, { signal: AbortSignal.abort() }), 'Cancelled', 'DS-499'],
  ]
  for (const [call, name, code] of calls) {
    const error = await call().catch((caught) => caught)
    assert.deepEqual([error.name, error.code], [name, code], String(error))
    assert.ok(error instanceof theirs[name] && error instanceof theirs.DatasusError && error instanceof run('Error'))
    assert.ok(!error.message.startsWith('{'), error.message)
    // And by the classes of a copy of the package in the realm of the addon.
    assert.ok(error instanceof ours[name] && error instanceof ours.DatasusError)
    const others = ['Conflict', 'DiskFull', 'NotFound', 'InvalidParams', 'Cancelled'].filter((one) => one !== name)
    for (const other of others) assert.ok(!(error instanceof ours[other]) && !(error instanceof theirs[other]), other)
  }
  class OfTheirs extends theirs.NotFound {}
  class OfOurs extends ours.NotFound {}
  const [error] = await Promise.allSettled([there.query({ dataset: 'SIH-RX' })])
  assert.ok(!(error.reason instanceof OfTheirs) && !(error.reason instanceof OfOurs))
  assert.ok(!(new Error('x') instanceof ours.DatasusError) && !(null instanceof ours.DatasusError) && !({} instanceof ours.NotFound))
})

test('values and conditions of one realm mean the same in another', async () => {
  const there = await theirs.open({ source, output: folder })
  const base = { dataset: 'SIH-RD', columns: ['N_AIH'] }
  const wanted = await (await client.query({ ...base, where: [{ SEXO: '3' }, { IDADE: [30, 40, 50] }] })).toArray()
  assert.ok(wanted.length > 0 && wanted.length < 600)
  const wheres = [
    run(`[{ SEXO: '3' }, { IDADE: [30, 40, 50] }]`),
    run(`[{ SEXO: '3' }, { IDADE: new Set([30n, 40, 50]) }]`),
    theirs.col('SEXO').eq('3').and(ours.col('IDADE').in([30, 40, 50])),
    ours.col('SEXO').eq('3').and(theirs.col('IDADE').in(run('[30, 40, 50]'))),
  ]
  for (const where of wheres) {
    for (const of of [client, there]) {
      // Rows of another realm are equal, and not of the same Object.
      assert.equal(JSON.stringify(await (await of.query({ ...base, where })).toArray()), JSON.stringify(wanted))
    }
  }
  for (const wrong of [run('Promise.resolve({ SEXO: "3" })'), run('new Map()'), run('() => 3'), run('new (class A { SEXO = "3" })()')]) {
    for (const of of [client, there]) await assert.rejects(of.query({ ...base, where: wrong }), ours.InvalidParams)
  }
})

test('rows of every form come in another realm', async () => {
  const there = await theirs.open({ source, output: folder })
  const query = { dataset: 'SIH-RD', columns: ['N_AIH', 'VAL_TOT', 'DT_INTER'] }
  const table = await (await there.query(query)).toTable()
  assert.equal(table.numRows, 600)
  assert.deepEqual(await (await there.query(query)).toIPC(), await (await client.query(query)).toIPC())
  const pieces = []
  for await (const piece of (await there.query(query)).toReadable({ format: 'csv' })) pieces.push(piece)
  assert.equal(Buffer.concat(pieces).toString().trim().split('\n').length, 601)
})
