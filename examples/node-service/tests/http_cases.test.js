/** What both example services answer alike: tests/http_cases.json; the gateway's test is examples/gateway-fastapi/tests/test_http.py. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'

import { madeFolder, startService } from './service.js'

// Beside the project's own tests, or where the tests' runner has put it.
const listed = process.env.DATASUS_HTTP_CASES ?? path.join(import.meta.dirname, '../../../tests/http_cases.json')
const { cases } = JSON.parse(await readFile(listed, 'utf8'))
let made
let service

before(async () => {
  made = await madeFolder(200)
  service = await startService(made.folder)
})

after(async () => {
  await service?.stop()
  await made?.remove()
})

const placeOf = (one) => one.get ?? `/internacoes?${new URLSearchParams(Object.entries(one.ask).map(([key, value]) => [key, String(value)]))}`

for (const one of cases) {
  test(one.name, async () => {
    const response = await service.ask(placeOf(one), one.accept ? { accept: one.accept } : {})
    const body = await buffer(response)
    assert.equal(response.statusCode, one.status, String(body))
    if (one.error_code !== undefined) {
      const form = JSON.parse(String(body))
      assert.deepEqual([form.status, form.error_code], ['error', one.error_code])
      assert.ok(form.detail.length > 0)
      const meant = one.did_you_mean ?? []
      assert.deepEqual((form.diagnostic.did_you_mean ?? []).slice(0, meant.length), meant)
    }
    if (one.lines !== undefined) {
      const lines = String(body).trimEnd().split(/\r?\n/)
      assert.deepEqual([lines.length, lines[0]], [one.lines, one.header])
    }
    assert.ok(body.toString('hex').startsWith(one.starts ?? ''))
    const told = one.json === undefined ? {} : JSON.parse(String(body))
    assert.deepEqual(Object.fromEntries(Object.keys(one.json ?? {}).map((key) => [key, told[key]])), one.json ?? {})
    for (const held of one.holds ?? []) assert.ok(String(body).includes(held), held)
  })
}
