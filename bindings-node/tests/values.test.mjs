// A table of odd values at every parameter: each is what it stands for in the contract's JSON, or an error of the right class.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import * as datasus from 'datasus'
import { col, csv, DatasusError, exampleData, InvalidParams, onLog, open, parquet, postgres, readDbc } from 'datasus'

import { client, folder, source, until } from './example_folder.mjs'
import { json, REFUSED, TAKEN } from './odd_values.mjs'

process.chdir(folder)
const base = { dataset: 'SIH-RD', columns: ['N_AIH', 'SEXO', 'IDADE'] }
const sql = 'SELECT count(*) AS n FROM sih_rd WHERE SEXO = $x'

/** Rows, or the code of the error. Whatever else is thrown fails the test. */
async function outcome(call) {
  try {
    const answer = await call()
    return { answer: answer?.toArray === undefined ? answer : await answer.toArray() }
  } catch (error) {
    assert.ok(error instanceof DatasusError && error.constructor !== DatasusError, `${error?.constructor?.name}: ${error?.stack}`)
    assert.match(error.traceId, /^[0-9a-f]{8}$/)
    assert.equal(error.toJSON().trace_id, error.traceId)
    return { code: error.code, error }
  }
}

const known = new Map()
/** What the contract itself answers to this text. */
async function contract(text) {
  if (!known.has(text)) known.set(text, await outcome(() => client.query(text)))
  return known.get(text)
}

const written = (parts) => `{${Object.entries(parts).map(([key, text]) => `${JSON.stringify(key)}: ${text}`)}}`
const query = (parts) => written({ dataset: '"SIH-RD"', columns: '["N_AIH","SEXO","IDADE"]', ...parts })
const isList = Array.isArray
const isObject = (of) => of !== null && typeof of === 'object' && !isList(of)

/** `{ SEXO: '3' }` and its like as the contract's list of conditions. */
function conditions(of) {
  if (isList(of)) return of.flatMap(conditions)
  if (!isObject(of)) return [of]
  if ('op' in of) return [of]
  return Object.keys(of).map((column) => short(column, of[column]))
}
const short = (column, value) => (value === null ? { column, op: 'is_null' } : { column, op: isList(value) ? 'in' : 'eq', value })
const month = (of) => (isList(of) ? of.map(month) : typeof of === 'string' && /^\d{4}-\d\d-\d\d$/.test(of) ? of.slice(0, 7).replace('-', '') : of)

/** Parameters of a query: how the value is passed, and the contract's text for what it stands for. */
const PARAMETERS = {
  query: [(it) => it, (of) => (typeof of === 'string' ? of : json(of))],
  dataset: [(it) => ({ ...base, dataset: it }), (of) => query({ dataset: json(of) })],
  uf: [(it) => ({ ...base, uf: it }), (of) => query({ uf: json(of) })],
  'uf[0]': [(it) => ({ ...base, uf: [it] }), (of) => query({ uf: `[${json(of)}]` })],
  competencia: [(it) => ({ ...base, competencia: it }), (of) => query({ competencia: json(month(of)) })],
  'competencia[0]': [(it) => ({ ...base, competencia: [it] }), (of) => query({ competencia: `[${json(month(of))}]` })],
  'competencia.from': [
    (it) => ({ ...base, competencia: { from: it, to: '202403' } }),
    (of) => query({ competencia: `{"from": ${json(month(of))}, "to": "202403"}` }),
  ],
  columns: [(it) => ({ ...base, columns: it }), (of) => query({ columns: json(of) })],
  'columns[1]': [(it) => ({ ...base, columns: ['CNES', it] }), (of) => query({ columns: `["CNES", ${json(of)}]` })],
  where: [(it) => ({ ...base, where: it }), (of) => query({ where: json(conditions(of)) })],
  'where[1]': [(it) => ({ ...base, where: [{ IDADE: 30 }, it] }), (of) => query({ where: json([short('IDADE', 30), ...conditions(of)]) })],
  'where.SEXO': [(it) => ({ ...base, where: { SEXO: it } }), (of) => query({ where: json([short('SEXO', of)]) })],
  'where.IDADE': [(it) => ({ ...base, where: { IDADE: it } }), (of) => query({ where: json([short('IDADE', of)]) })],
  'where.VAL_TOT': [(it) => ({ ...base, where: { VAL_TOT: it } }), (of) => query({ where: json([short('VAL_TOT', of)]) })],
  'where.DT_INTER': [(it) => ({ ...base, where: { DT_INTER: it } }), (of) => query({ where: json([short('DT_INTER', of)]) })],
  'where.SEXO[1]': [(it) => ({ ...base, where: { SEXO: ['1', it] } }), (of) => query({ where: json([short('SEXO', ['1', of])]) })],
  'where.column': [
    (it) => ({ ...base, where: { column: it, op: 'eq', value: '3' } }),
    (of) => query({ where: json([{ column: of, op: 'eq', value: '3' }]) }),
  ],
  'where.op': [
    (it) => ({ ...base, where: { column: 'SEXO', op: it, value: '3' } }),
    (of) => query({ where: json([{ column: 'SEXO', op: of, value: '3' }]) }),
  ],
  'where.not': [(it) => ({ ...base, where: { not: it } }), (of) => query({ where: json([{ not: one(of) }]) })],
  'where.any': [(it) => ({ ...base, where: { any: it } }), (of) => query({ where: json([{ any: isList(of) ? of.map(one) : of }]) })],
  'where.all[0]': [(it) => ({ ...base, where: { all: [it] } }), (of) => query({ where: json([{ all: [one(of)] }]) })],
  groupBy: [(it) => ({ dataset: 'SIH-RD', groupBy: it, orderBy: [] }), (of) => written({ dataset: '"SIH-RD"', group_by: json(typeof of === 'string' ? [of] : of) })],
  aggregates: [
    (it) => ({ dataset: 'SIH-RD', aggregates: it }),
    (of) => written({ dataset: '"SIH-RD"', aggregates: json(isObject(of) ? Object.keys(of).map((as) => ({ fn: of[as], as })) : of) }),
  ],
  'aggregates.n': [
    (it) => ({ dataset: 'SIH-RD', aggregates: { n: it } }),
    (of) => written({ dataset: '"SIH-RD"', aggregates: json([isList(of) ? { fn: of[0], column: of[1] ?? null, as: 'n' } : { fn: of, as: 'n' }]) }),
  ],
  'aggregates.n[1]': [
    (it) => ({ dataset: 'SIH-RD', aggregates: { n: ['count', it] } }),
    (of) => written({ dataset: '"SIH-RD"', aggregates: json([{ fn: 'count', column: of ?? 0, as: 'n' }]) }),
  ],
  orderBy: [(it) => ({ ...base, orderBy: it }), (of) => query({ order_by: json((isList(of) ? of : [of]).map((key) => (typeof key === 'string' ? { column: key } : key))) })],
  'orderBy[0].desc': [
    (it) => ({ ...base, orderBy: [{ column: 'N_AIH', desc: it }] }),
    (of) => query({ order_by: json([{ column: 'N_AIH', desc: of }]) }),
  ],
  limit: [(it) => ({ ...base, limit: it }), (of) => query({ limit: json(of) })],
  contract: [(it) => ({ ...base, contract: it }), (of) => query({ contract: json(of) })],
  sql: [(it) => ({ sql: it }), (of) => written({ sql: json(of) })],
  bind: [(it) => ({ sql, bind: it }), (of) => written({ sql: json(sql), bind: json(of) })],
  'bind.x': [(it) => ({ sql, bind: { x: it } }), (of) => written({ sql: json(sql), bind: json({ x: of }) })],
  options: [(it) => ({ ...base, options: it }), (of) => query({ options: json(of) })],
  ...Object.fromEntries(
    ['deadline', 'missing', 'partial', 'priority', 'onEmergency', 'cache', 'checkpointRows', 'deadLetterLimit'].map((key) => [
      `options.${key}`,
      [
        (it) => ({ ...base, options: { [key]: it } }),
        (of) => query({ options: `{${JSON.stringify(key.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`))}: ${json(of)}}` }),
      ],
    ]),
  ),
}

/** Several conditions in the place of one. */
function one(of) {
  const all = conditions(of)
  return all.length === 1 ? all[0] : all.length === 0 ? 'nothing' : { all }
}

for (const [parameter, [pass, text]] of Object.entries(PARAMETERS)) {
  test(`${parameter}: no value makes another query than the one that was written`, async () => {
    for (const [name, value] of Object.entries(REFUSED)) {
      // An option that is undefined was not given.
      if (name === 'an object with undefined' && parameter === 'options') continue
      const { answer, error } = await outcome(() => client.query(pass(value)))
      assert.equal(answer, undefined, `${name} ran`)
      assert.ok(error instanceof InvalidParams, `${name}: ${error}`)
      assert.ok(error.message.includes(`\`${parameter}`) || parameter === 'query', `${name} is not refused by name: ${error.message}`)
    }
    for (const [name, [value, of]] of Object.entries(TAKEN)) {
      const found = await outcome(() => client.query(pass(value)))
      const wanted = await contract(text(of))
      // Rows that are equal in what they are sorted by may change places, and groups have no order.
      if (['orderBy', 'groupBy'].includes(parameter)) for (const { answer } of [found, wanted]) answer?.sort((a, b) => (json(a) < json(b) ? -1 : 1))
      if (found.answer !== undefined) assert.deepEqual(found, wanted, `${name}: ${text(of)}`)
      else assert.ok(wanted.answer === undefined || found.error instanceof InvalidParams, `${name}: ${found.error}`)
    }
    const { answer, error } = await outcome(() => client.query(pass(undefined)))
    // Of an option it means that none was given, as everywhere in JavaScript; a condition without its value is none.
    const isOptional = !/[.[]|query|dataset|sql/.test(parameter) || parameter.startsWith('options.')
    if (isOptional && parameter !== 'bind') assert.notEqual(answer, undefined, String(error))
    else assert.ok(answer === undefined, 'undefined ran')
  })
}

const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'startsWith']
const snake = { startsWith: 'starts_with', notIn: 'not_in' }

for (const method of [...COMPARISONS, 'in', 'notIn', 'between']) {
  test(`col().${method}: no value makes another condition than the one that was written`, async () => {
    const build = method === 'between' ? (column, it) => column.between(it, '3') : (column, it) => column[method](it)
    for (const [name, value] of Object.entries(REFUSED)) {
      // What gives its values one by one is a list here.
      if (name === 'arguments' && ['in', 'notIn'].includes(method)) continue
      assert.throws(() => build(col('SEXO'), value), (error) => error instanceof InvalidParams && error.message.includes(`col("SEXO").${method}`), name)
    }
    assert.throws(() => build(col('SEXO'), undefined), InvalidParams)
    for (const column of ['SEXO', 'IDADE', 'DT_INTER']) {
      for (const [name, [value, of]] of Object.entries(TAKEN)) {
        const found = await outcome(() => client.query({ ...base, where: build(col(column), value) }))
        const form = { column, op: snake[method] ?? method, value: method === 'between' ? [of, '3'] : of }
        const wanted = await contract(query({ where: json([form]) }))
        if (found.answer !== undefined) assert.deepEqual(found, wanted, `${name}: ${json(form)}`)
        else assert.ok(wanted.answer === undefined || found.error instanceof InvalidParams, `${name}: ${found.error}`)
      }
    }
  })
}

test('a list is a list, and a text is no list of letters', async () => {
  for (const wrong of ['2000121', new String('2000121'), 2000121, null, {}, new Map([['2000121', 1]])]) {
    assert.throws(() => col('CNES').in(wrong), InvalidParams)
    assert.throws(() => col('CNES').notIn(wrong), InvalidParams)
  }
  function* ages() {
    yield 30
    yield 40n
  }
  const wanted = await (await client.query({ ...base, where: { IDADE: [30, 40] } })).toArray()
  assert.ok(wanted.length > 0)
  for (const list of [[30, 40], new Set([30, 40]), Int16Array.of(30, 40), ages(), [30, 40].values()]) {
    assert.deepEqual(await (await client.query({ ...base, where: col('IDADE').in(list) })).toArray(), wanted)
  }
  function* endless() {
    for (;;) yield '1'
  }
  assert.throws(() => col('CNES').in(endless()), InvalidParams)
})

test('a key that was given in both of its forms is refused, and so is a key that does not exist', async () => {
  await assert.rejects(client.query({ dataset: 'SIH-RD', groupBy: 'SEXO', group_by: 'CNES' }), InvalidParams)
  await assert.rejects(client.query(base, { singal: AbortSignal.timeout(1) }), InvalidParams)
  await assert.rejects(client.query(base, AbortSignal.timeout(10_000)), InvalidParams)
  await assert.rejects(client.export(base, { to: csv('x.csv'), onEvents: () => undefined }), InvalidParams)
  await assert.rejects((await client.query(base)).toArray({ integer: 'number' }), InvalidParams)
  await assert.rejects(readDbc(path.join(source, 'RDAC2401.dbc'), { colums: ['CNES'] }), { code: 'DS-400' })
})

/** Calls of which no value but those of the list beside them does anything. */
const CALLS = {
  'open, source': [(it) => open({ source: it }), () => true],
  open: [(it) => open(it), () => true],
  ...Object.fromEntries(
    ['lake', 'output', 'state', 'spill', 'memoryLimit', 'spillLimit', 'postgres', 'deadline', 'threads', 'maxPriority', 'chunkRows', 'verifyCrc', 'language'].map(
      (key) => [`open, ${key}`, [(it) => open({ source, [key]: it }), () => true]],
    ),
  ),
  'options of a call': [(it) => client.query(base, it), (of) => isObject(of) && Object.keys(of).length === 0],
  signal: [(it) => client.query(base, { signal: it }), (of) => of === null],
  to: [(it) => client.submit(base, { to: it }), (of) => typeof of === 'string' || isObject(of)],
  'to[0]': [(it) => client.submit(base, { to: [it] }), (of) => typeof of === 'string'],
  onEvent: [(it) => client.export(base, { to: csv('event.csv', { overwrite: true }), onEvent: it }), () => false],
  'csv, path': [(it) => client.export(base, { to: csv(it) }), (of) => typeof of === 'string'],
  'csv, delimiter': [(it) => client.submit(base, { to: csv('d.csv', { overwrite: true, delimiter: it }) }), () => false],
  'csv, options': [(it) => client.submit(base, { to: csv('o.csv', it) }), (of) => isObject(of) && Object.keys(of).length === 0],
  'parquet, path': [(it) => client.export(base, { to: parquet(it) }), (of) => typeof of === 'string'],
  'postgres, table': [(it) => client.export(base, { to: postgres(it, { url: 'postgres://nobody@127.0.0.1:1/none' }) }), () => false],
  'postgres, key': [(it) => client.export(base, { to: postgres('a.b', { mode: 'upsert', key: it, url: 'postgres://nobody@127.0.0.1:1/none' }) }), () => false],
  schema: [(it) => client.schema(it), (of) => ['SIH-RD', 'AC'].includes(of)], // SIA has a group of that name
  resume: [(it) => client.resume(it), () => false],
  discard: [(it) => client.discard(it), () => false],
  deadLetters: [(it) => client.deadLetters(it), () => false],
  exportDeadLetters: [(it) => client.exportDeadLetters('x', it), () => false],
  replay: [(it) => client.replay(it), () => false],
  sync: [(it) => client.sync({ dataset: 'SIM-DO', uf: it }), (of) => of === null || of === 'AC' || (isList(of) && of.includes('AC'))],
  explain: [(it) => client.explain({ ...base, uf: it }), (of) => of === null || of === 'AC' || (isList(of) && of.includes('AC'))],
  setMaintenance: [(it) => client.setMaintenance(it), (of) => typeof of === 'boolean'],
  'readDbc, path': [(it) => readDbc(it), () => false],
  'readDbc, columns': [(it) => readDbc(path.join(source, 'RDAC2401.dbc'), { columns: it }), (of) => isList(of) || of === null],
  'readDbc, typed': [(it) => readDbc(path.join(source, 'RDAC2401.dbc'), { typed: it }), (of) => typeof of === 'boolean'],
  'readDbc, language': [(it) => readDbc(path.join(source, 'RDAC2401.dbc'), { language: it }), () => false],
  'exampleData, folder': [(it) => exampleData(it, 1), (of) => typeof of === 'string' && of !== '' && !of.includes('\0')],
  'exampleData, rows': [(it) => exampleData(path.join(folder, 'rows'), it), (of) => of === 0 || of === 3 || of === 3n],
  'exampleData, options': [(it) => exampleData(path.join(folder, 'rows'), 1, it), (of) => isObject(of) && Object.keys(of).length === 0],
  col: [(it) => col(it), (of) => typeof of === 'string'],
  and: [(it) => col('SEXO').eq('3').and(it), (of) => isObject(of) || isList(of)],
  'onLog, level': [(it) => onLog(null, it), () => false],
  toReadable: [async (it) => (await client.query(base)).toReadable(it), () => false],
  'toReadable, format': [async (it) => (await client.query(base)).toReadable({ format: it }), () => false],
  'toArray, integers': [async (it) => (await client.query(base)).toArray({ integers: it }), () => false],
  'toArray, options': [async (it) => (await client.query(base)).toArray(it), (of) => isObject(of) && Object.keys(of).length === 0],
}

for (const [name, [call, mayRun]] of Object.entries(CALLS)) {
  test(`${name}: what is no value for it is refused`, async () => {
    const refused = async (what, value, isFine) => {
      const { answer, error } = await outcome(async () => {
        const done = await call(value)
        await done?.close?.()
        done?.destroy?.()
        return 'ran'
      })
      if (answer !== undefined) assert.ok(isFine, `${what} ran`)
      return error
    }
    for (const [what, value] of Object.entries(REFUSED)) {
      // A function is what onEvent and onLog are given.
      if (name === 'onEvent' && typeof value === 'function') continue
      if (what === 'an object with undefined' && ['csv, options', 'open'].includes(name)) continue
      const error = await refused(what, value, false)
      assert.ok(error instanceof InvalidParams, `${what}: ${error}`)
    }
    for (const [what, [value, of]] of Object.entries(TAKEN)) await refused(what, value, mayRun(of))
  })
}

test('a folder is text or a file: URL, and nothing else opens the current one', async () => {
  const wanted = [await client.datasets(), await (await open(source)).datasets()]
  assert.deepEqual(wanted[0], wanted[1])
  for (const url of [pathToFileURL(source), { source: pathToFileURL(source) }]) {
    const opened = await open(url)
    assert.equal(opened.source, source)
    assert.deepEqual(await opened.datasets(), wanted[0])
  }
  for (const wrong of [3, null, '', 'a\0b', new URL('https://exemplo/dados'), Buffer.from(source), [], [3]]) {
    await assert.rejects(open(wrong), InvalidParams)
    await assert.rejects(open({ source: wrong }), InvalidParams)
  }
  assert.equal((await (await readDbc(pathToFileURL(path.join(source, 'RDAC2401.dbc')))).toArray()).length, 100)
})

test('example data is of as many rows as were asked for, and a signal ends it', async () => {
  for (const rows of [-5, 1.5, NaN, 2 ** 32, '7', null]) await assert.rejects(exampleData(path.join(folder, 'never'), rows), InvalidParams)
  await assert.rejects(exampleData(path.join(folder, 'never'), 1, { signal: AbortSignal.abort() }), datasus.Cancelled)
  const control = new AbortController()
  const reason = new Error('enough')
  const endless = exampleData(path.join(folder, 'endless'), 2 ** 31 - 1, { signal: control.signal })
  setTimeout(() => control.abort(reason), 50)
  await assert.rejects(endless, (error) => error instanceof datasus.Cancelled && error.cause === reason)
})

test('errors speak the language of their client, wherever they come from', async () => {
  const both = [await open({ source, language: 'pt', output: folder }), await open({ source, language: 'en', output: folder })]
  const calls = {
    'a query of a wrong type': (of) => of.query({ where: 5 }),
    'an unknown key': (of) => of.query({ dataset: 'SIH-RD', grupBy: 'CNES' }),
    'text that is no JSON': (of) => of.query('{'),
    'no such dataset': (of) => of.query({ dataset: 'SIH-RX' }),
    'no destination': (of) => of.submit(base, { to: { cvs: {} } }),
    'no such job': (of) => of.resume('01ARZ3NDEKTSV4RRFFQ69G5FAV'),
    'a schema of nothing': async (of) => of.schema('SIH-RX'),
    'an aborted signal': (of) => of.query(base, { signal: AbortSignal.abort() }),
    'rows that were read': async (of) => {
      const result = await of.query(base)
      await result.toArray()
      return result.toArray()
    },
    'a report too early': async (of) => (await of.query(base)).report(),
    'a format': async (of) => (await of.query(base)).toReadable({ format: 'xml' }),
    'a failure on the way': async (of) => (await of.query({ sql: "SELECT CAST('x' || i AS INTEGER) AS n FROM range(9) r(i)" })).toArray(),
    'a closed client': async (of) => {
      await of.close()
      return of.datasets()
    },
  }
  for (const [name, call] of Object.entries(calls)) {
    const said = []
    for (const [of, language] of [[both[0], 'pt'], [both[1], 'en']]) {
      const { error } = await outcome(() => call(of))
      assert.equal(error?.language, language, `${name}: ${error}`)
      assert.equal(error.toJSON().language, language)
      said.push(error.detail)
    }
    assert.notEqual(said[0], said[1], name)
  }
})

test('what a report warns of is a warning of the process, once', async () => {
  const heard = []
  const hear = (warning) => heard.push(warning)
  process.on('warning', hear)
  try {
    const of = await open({ source, output: folder, language: 'en' })
    const missing = { ...base, uf: ['AC', 'SP'], competencia: '202401', options: { missing: 'warn' } }
    const result = await of.query(missing)
    await result.toArray()
    const { warnings } = await result.report()
    assert.ok(warnings.length > 0, 'the report has a warning')
    // Of a job that goes into a file its report warns of more: jobs that others left.
    const told = () => heard.filter(({ message }) => warnings.includes(message))
    await until(() => told().length === warnings.length, 'the process is warned')
    assert.deepEqual(told().map(({ message }) => message), warnings)
    assert.ok(told().every((warning) => warning.name === 'DatasusWarning' && warning.detail === `trace_id=${result.job.traceId}`))
    // Of a job that is only followed, and of one whose report is read; told already, they are silent.
    const other = await open({ source, output: folder, language: 'en' })
    for await (const _ of await other.submit(missing, { to: csv('warned.csv') }));
    await until(() => told().length === 2 * warnings.length, 'a job warns as well')
    await other.export(missing, { to: csv('again.csv') })
    await (await of.query(missing)).toTable()
    await new Promise((go) => setTimeout(go, 100))
    assert.equal(told().length, 2 * warnings.length)
  } finally {
    process.off('warning', hear)
  }
})
