/** What both example services answer alike: tests/http_cases.json; the gateway's test is examples/gateway-fastapi/tests/test_http.py. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer, json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

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

/** As a case says. */
function asked(one) {
  if (one.get !== undefined) return service.ask(one.get)
  const headers = { 'content-type': one.content_type ?? 'application/json' }
  for (const name of ['accept', 'prefer']) if (one[name] !== undefined) headers[name] = one[name]
  const query = one.sql === undefined ? { dataset: 'SIH-RD', ...one.ask } : { sql: one.sql, options: one.options ?? {} }
  const body = one.body ?? (one.spaces === undefined ? JSON.stringify(query) : ' '.repeat(one.spaces))
  return service.ask('/query', headers, body)
}

const jobs = cases.filter((one) => one.job !== undefined)
for (const one of jobs) {
  test(one.name, async () => {
    const answer = await service.ask('/query', { 'content-type': 'application/json', prefer: 'respond-async' }, JSON.stringify(one.job))
    const { job_id: id } = await json(answer)
    assert.deepEqual([answer.statusCode, answer.headers['location']], [202, `/jobs/${id}`])
    let ended
    for (let tries = 0; tries < 600 && !['completed', 'failed'].includes(ended?.status); tries += 1) {
      await sleep(50)
      ended = await json(await service.ask(`/jobs/${id}`))
    }
    const result = await service.ask(`/jobs/${id}/result`)
    const body = await buffer(result)
    if (one.error_code !== undefined) {
      assert.deepEqual([ended.status, ended.error.error_code], ['failed', one.error_code])
      assert.deepEqual([result.statusCode, JSON.parse(String(body)).error_code], [409, 'DS-409'])
      return
    }
    assert.deepEqual([ended.status, ended.report.records_processed], ['completed', one.records])
    const lines = String(body).trimEnd().split(/\r?\n/)
    assert.deepEqual([lines.length, lines[0]], [one.lines, one.header])
    const part = await service.ask(`/jobs/${id}/result`, { range: 'bytes=0-4' })
    assert.deepEqual([part.statusCode, await buffer(part)], [206, body.subarray(0, 5)])
    assert.deepEqual(await json(await service.ask(`/jobs/${id}/dead-letters`)), { dead_letters: [] })
    for (const [act, status] of Object.entries(one.again)) {
      const again = await service.ask(`/jobs/${id}/${act}`, {}, '')
      assert.deepEqual([again.statusCode, (await json(again)).error_code], [status, `DS-${status}`])
    }
  })
}

for (const one of cases.filter((one) => one.job === undefined)) {
  test(one.name, async () => {
    const response = await asked(one)
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
