// Runs every case of `tests/conformance/cases` against the Node face.
//
// The folder `made` comes from `cargo run --example made_files <folder>`; its place is DATASUS_MADE_FILES.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

import * as datasus from 'datasus'
import { csv, DatasusError, exampleData, open, readDbc } from 'datasus'

const cases = process.env.DATASUS_CASES
const made = process.env.DATASUS_MADE_FILES
const ftpServer = path.join(cases, '..', '..', 'ftp_server.py')
const real = process.env.DATASUS_REAL_DATA

/** A value as the cases write it. */
const text = (value) => (value === null || typeof value === 'string' ? value : String(value))

function at(form, pointer) {
  return pointer.split('/').slice(1).reduce((of, key) => of?.[key], form)
}

/** Floating-point numbers as near as a double tells them. */
function agree(expected, found) {
  if (Array.isArray(expected)) {
    return Array.isArray(found) && expected.length === found.length && expected.every((one, i) => agree(one, found[i]))
  }
  if (expected === found) return true
  if (expected === null || found === null || typeof expected === 'object') return isSame(expected, found)
  const [a, b] = [Number(expected), Number(found)]
  return String(expected).includes('.') && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b))
}

function isSame(expected, found) {
  try {
    assert.deepEqual(found, expected)
    return true
  } catch {
    return false
  }
}

function refused(error, expected) {
  assert.ok(expected, error.message)
  const form = error.toJSON()
  for (const [pointer, wanted] of Object.entries(expected)) {
    const found = at(form, pointer)
    const fits = pointer === '/detail' ? String(found).includes(wanted) : agree(wanted, found)
    assert.ok(fits, `${pointer}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`)
  }
}

/** What a case says of what was asked is so of its answer. */
function answers({ call, expect = {}, length = {}, holds = {} }, answer) {
  for (const [pointer, wanted] of Object.entries(expect)) {
    const found = at(answer, pointer)
    assert.ok(agree(wanted, found), `${call} ${pointer}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`)
  }
  for (const [pointer, items] of Object.entries(length)) assert.equal(at(answer, pointer).length, items, `${call} ${pointer}`)
  for (const [pointer, items] of Object.entries(holds)) {
    for (const item of items) {
      const fits = at(answer, pointer).some((one) => Object.entries(item).every(([key, of]) => agree(of, one[key] ?? null)))
      assert.ok(fits, `${call} ${pointer}: no ${JSON.stringify(item)}`)
    }
  }
}

/** The answer of a call, in the contract's form. */
async function ask(client, source, call, given) {
  const { file, events, ...of } = given
  switch (call) {
    case 'search':
      return client.search(of.words, of.dataset)
    case 'schema':
      return client.schema(of.dataset).catalog
    case 'dictionaries':
      return client.dictionaries()
    case 'sync_dictionaries':
      return client.syncDictionaries(of.source && path.join(source, of.source))
    case 'profile':
      return client.profile(JSON.stringify(of))
    case 'rates': {
      const { population } = of
      return client.rates(JSON.stringify(events), { ...of, ...(population && { population: JSON.stringify(population) }) })
    }
    case 'read_dbc': {
      const { labels_only: labelsOnly, ...options } = of
      const records = await readDbc(path.join(source, file), { ...options, ...(labelsOnly !== undefined && { labelsOnly }) })
      const columns = records.columns.map(({ name }) => name)
      const rows = (await records.toArray({ integers: 'string' })).map((row) => columns.map((name) => text(row[name])))
      return { columns, rows, summary: records.summary }
    }
    default:
      throw new Error(call)
  }
}

// CI fails for want of genuine files where there is the folder that they belong in.
const isStrict = !['', '0', undefined].includes(process.env.DATASUS_STRICT)
const isWanted = isStrict && existsSync(path.join(real, '..', '..'))

for (const file of readdirSync(cases).filter((name) => name.endsWith('.json')).sort()) {
  const { source: kind, files, asks = [], params, params_text: raw, expect, written = {}, declared, tables, csv: forms, engine, server } = JSON.parse(readFileSync(path.join(cases, file), 'utf8'))
  const skip = kind === 'real' && !existsSync(real) && !isWanted ? 'no genuine files here' : false
  test(path.basename(file, '.json'), { skip }, async (context) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'datasus-case-'))
    const source = path.join(folder, 'source')
    if (kind === 'real') {
      mkdirSync(source)
      for (const one of files) cpSync(path.join(real, one), path.join(source, path.basename(one)), { preserveTimestamps: true })
    } else {
      cpSync(made, source, { recursive: true, preserveTimestamps: true })
    }
    for (const [name, text] of Object.entries(written)) {
      mkdirSync(path.dirname(path.join(source, name)), { recursive: true })
      writeFileSync(path.join(source, name), text)
    }
    const inSource = (of) => of && Object.fromEntries(Object.entries(of).map(([name, one]) => [name, path.join(source, one)]))
    const served = server === 'ftp' ? spawn('python3', [ftpServer, source], { stdio: ['pipe', 'pipe', 'inherit'] }) : undefined
    context.after(() => served?.stdin.end())
    const place = served === undefined ? source : String((await once(served.stdout, 'data'))[0]).trim()
    const home = served && path.join(folder, 'home')
    const given = { declared: inSource(declared), tables: inSource(tables), csv: forms, engine, home }
    const of = Object.entries(given).filter(([, one]) => one !== undefined)
    let client
    try {
      client = await open({ source: place, output: folder, language: 'pt', ...Object.fromEntries(of) })
    } catch (error) {
      if (!(error instanceof DatasusError)) throw error
      refused(error, expect.error)
      return
    }
    for (const asked of asks) {
      let answer
      try {
        answer = JSON.parse(JSON.stringify(await ask(client, source, asked.call, asked.given ?? {})))
      } catch (error) {
        if (!(error instanceof DatasusError)) throw error
        refused(error, asked.error)
        continue
      }
      assert.ok(!('error' in asked), `${asked.call}: an error was expected`)
      answers(asked, answer)
    }
    if (params === undefined && raw === undefined) return
    let result, objects, report
    try {
      // The contract's text as it is, malformed or not.
      result = await client.query(raw ?? JSON.stringify(params))
      objects = await result.toArray({ integers: 'string' })
      report = await result.report()
    } catch (error) {
      if (!(error instanceof DatasusError)) throw error
      refused(error, expect.error)
      return
    }
    assert.ok(!('error' in expect), `expected an error, found ${objects.length} rows`)
    const names = result.columns.map(({ name }) => name)
    const rows = objects.map((row) => names.map((name) => text(row[name])))
    assert.equal(rows.length, expect.rows ?? rows.length)
    assert.deepEqual(names, expect.columns ?? names)
    for (const [i, wanted] of (expect.first ?? []).entries()) {
      assert.ok(agree(wanted, rows[i]), `row ${i}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(rows[i])}`)
    }
    for (const wanted of expect.contains ?? []) {
      assert.ok(rows.some((found) => agree(wanted, found)), `no row ${JSON.stringify(wanted)}`)
    }
    // JSON has the contract's keys.
    const told = JSON.parse(JSON.stringify(report))
    for (const [pointer, wanted] of Object.entries(expect.report ?? {})) {
      assert.ok(agree(wanted, at(told, pointer)), `${pointer}: found ${JSON.stringify(at(told, pointer))}`)
    }
    const estimate = expect.estimate && JSON.parse(JSON.stringify(await client.estimate(raw ?? JSON.stringify(params))))
    for (const [pointer, wanted] of Object.entries(expect.estimate ?? {})) {
      assert.ok(agree(wanted, at(estimate, pointer)), `${pointer}: found ${JSON.stringify(at(estimate, pointer))}`)
    }
    if (expect.profile === undefined) return
    const profile = JSON.parse(JSON.stringify(await client.profile(JSON.stringify(params))))
    for (const [pointer, wanted] of Object.entries(expect.profile)) {
      assert.ok(agree(wanted, at(profile, pointer)), `${pointer}: found ${JSON.stringify(at(profile, pointer))}`)
    }
  })
}

test('every public name is there', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datasus-names-'))
  await exampleData(folder, 1)
  const client = await open({ source: folder, output: folder })
  const job = await client.submit({ dataset: 'SIH-RD' }, { to: csv('names.csv') })
  await job.report()
  const { about: _, ...names } = JSON.parse(readFileSync(path.join(cases, '..', 'names.json'), 'utf8'))
  for (const [what, { node }] of Object.entries(names)) {
    const [of, name] = node.includes('.') ? node.split('.') : ['datasus', node]
    assert.notEqual({ datasus, Client: client, Job: job }[of][name], undefined, what)
  }
})

test('metrics have the families of every language', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datasus-metrics-'))
  await exampleData(folder, 1)
  const client = await open({ source: folder, output: folder })
  await (await client.submit({ dataset: 'SIH-RD' }, { to: csv('metrics.csv') })).report()
  const { families } = JSON.parse(readFileSync(path.join(cases, '..', 'metrics.json'), 'utf8'))
  const told = (text) => [...text.matchAll(/^# TYPE (.*)$/gm)].map(([, family]) => family)
  const plain = told(client.metrics())
  assert.deepEqual(families.filter((family) => !plain.includes(family)), [])
  const opened = plain.map((family) => family.replace('_total counter', ' counter'))
  assert.deepEqual(told(client.openMetrics()).sort(), opened.sort())
})
