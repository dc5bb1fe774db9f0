// What tests/conformance/doors.json puts through every door: no password comes out, and nothing of any size costs much.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'

import { col, csv, DatasusError, exampleData, InvalidParams, onLog, open, parquet, postgres, readDbc } from 'datasus'

import { client, folder, QUIET, source } from './example_folder.mjs'

const doors = JSON.parse(readFileSync(path.join(process.env.DATASUS_CASES, '..', 'doors.json'), 'utf8'))

/** The same with the address in the place of URL. */
function withUrl(form, url) {
  if (typeof form === 'string') return form.replaceAll('URL', url)
  if (Array.isArray(form)) return form.map((one) => withUrl(one, url))
  if (typeof form !== 'object' || form === null) return form
  return Object.fromEntries(Object.entries(form).map(([key, value]) => [withUrl(key, url), withUrl(value, url)]))
}

/** What the list only describes, made. */
function made(form) {
  if (Array.isArray(form)) return form.map(made)
  if (typeof form !== 'object' || form === null) return form
  if (form.$text) return form.$text[0].repeat(form.$text[1])
  if (form.$list) return Array(form.$list[1]).fill(form.$list[0])
  if (form.$keys) return Object.fromEntries(Array.from({ length: form.$keys }, (_, n) => [`k${n}`, 1]))
  return Object.fromEntries(Object.entries(form).map(([key, value]) => [key, made(value)]))
}

function* stored(place) {
  for (const name of readdirSync(place, { recursive: true })) {
    yield name
    const whole = path.join(place, name)
    if (statSync(whole).isFile()) yield readFileSync(whole, 'latin1')
  }
}

/** As people print an error: all that it carries, and what it was caused by. */
const told = (error) => [
  String(error), error.stack, inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error),
  JSON.stringify(error.toJSON?.()), inspect(error.cause, { depth: 9 }),
]

test('no spelling of a password comes out of any door', async () => {
  const [leaks, heard] = [[], []]
  let ways = 0
  const look = (door, ...texts) => {
    ways += 1
    for (const text of texts) if (doors.words.some((word) => text?.includes(word))) leaks.push(`${door}: ${text.slice(0, 500)}`)
  }
  const shown = (value) => [String(value), inspect(value, { depth: 9 }), inspect(value, { depth: 9, showHidden: true })]
  const call = async (door, asked) => {
    try {
      look(door, ...shown(await asked()))
    } catch (error) {
      look(door, ...told(error))
    }
  }
  onLog((level, line) => heard.push(line), 'trace')
  const place = path.join(folder, 'doors')
  const ours = await open({ source, output: path.join(place, 'out'), state: path.join(place, 'state'), language: 'en', deadline: 0.2 })
  for (const url of doors.spellings) {
    await call('open', () => open(url))
    await call('open', () => open({ source: [url] }))
    for (const settings of withUrl(doors.settings, url)) {
      await call(`open ${Object.keys(settings)}`, async () => {
        const other = await open({ source, output: path.join(place, 'out'), state: path.join(place, 'state'), ...settings })
        return [other, await other.jobs()]
      })
    }
    for (const params of withUrl(doors.params, url)) {
      await call('query', () => ours.query(params))
      await call('query', () => ours.query(JSON.stringify(params)))
      await call('explain', () => ours.explain(params))
      await call('estimate', () => ours.estimate(params))
    }
    for (const to of withUrl(doors.to, url)) await call(`to ${Object.keys(to)}`, () => ours.export({ dataset: 'SIH-RD' }, { to }))
    for (const job of withUrl(doors.jobs, url)) {
      for (const what of ['resume', 'discard', 'replay', 'deadLetters']) await call(what, () => ours[what](job))
    }
    for (const asked of [
      () => postgres(url), () => postgres('a.b', { url }), () => ({ to: [postgres('a.b', { url })] }), () => postgres('a.b', { key: [url], mode: url }),
      () => postgres('a.b', { [url]: 1 }), () => postgres({ url }), () => postgres('a.b', { url: Symbol(url) }), () => csv(url, { delimiter: url }),
      () => parquet(url), () => parquet(() => url), () => csv(undefined, new Map([[url, url]])), () => col(url), () => col(url).eq(url), () => col('CNES').isIn([url]),
      () => ours.query({ dataset: Symbol(url) }), () => ours.query({ dataset: 'SIH-RD', limit: { [url]: url } }), () => ours.query(() => url),
      () => ours.query({ dataset: 'SIH-RD' }, { [url]: 1 }), () => ours.query({ dataset: 'SIH-RD' }, { signal: url }), () => ours.schema(url),
      () => ours.sync(url), () => readDbc(url), () => readDbc(source, { [url]: url }), () => exampleData(path.join(source, 'a', url)),
      () => onLog(null, url), () => ours.exportDeadLetters(url, url),
    ]) await call(String(asked), async () => asked())
  }
  await call('jobs', () => ours.jobs())
  look('client', ours.metrics(), ...shown(ours))
  onLog(null)
  for (const line of heard) look('log', line)
  for (const text of stored(place)) look('kept', text)
  assert.ok(heard.length > 10, `${heard.length} lines`)
  console.log(`${doors.spellings.length} spellings, ${ways} ways`)
  assert.equal(leaks.length, 0, `${leaks.length} of ${ways}:\n${leaks.slice(0, 20).join('\n')}`)
})

for (const [what, params] of doors.sizes) {
  test(`${what}: refused soon, by a short error`, async () => {
    const given = made(params)
    for (const query of [given, JSON.stringify(given)]) {
      const began = performance.now()
      await assert.rejects(client.query(query), (error) => {
        assert.ok(error instanceof DatasusError, error)
        assert.match(error.code, /^DS-4(00|04|22)$/)
        const size = JSON.stringify(error.toJSON()).length + inspect(error).length
        assert.ok(size < 150_000, `${size} letters`)
        return true
      })
      assert.ok(performance.now() - began < (QUIET ? 10_000 : 120_000))
    }
  })
}

for (const [settings, name] of doors.ranges) {
  test(`${JSON.stringify(settings)} is out of its range`, async () => {
    await assert.rejects(open({ source, ...settings }), (error) => error instanceof InvalidParams && error.message.includes(name))
  })
}

test('a number that a double does not hold stays exact or is refused', async () => {
  const sql = 'SELECT CAST($x AS DECIMAL(20,1)) + VAL_TOT - VAL_TOT AS x FROM sih_rd LIMIT 1'
  for (const x of ['9007199254740993.5', 9007199254740993n]) {
    const [row] = await (await client.query({ sql, bind: { x } })).toArray()
    assert.match(String(row.x), /^9007199254740993\./)
  }
  await assert.rejects(client.query(`{"sql": "${sql}", "bind": {"x": 9007199254740993.5}}`), /9007199254740993\.5/)
  await assert.rejects(client.query({ sql, bind: { x: 2 ** 53 + 2 } }), InvalidParams)
})
