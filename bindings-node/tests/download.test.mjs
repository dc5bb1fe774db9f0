import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { csv, open } from 'datasus'

import { folder, source } from './example_folder.mjs'

test('what is missing comes from an FTP server, and what came is there', async () => {
  const script = fileURLToPath(new URL('../../tests/ftp_server.py', import.meta.url))
  const server = spawn('python3', [script, source], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [said] = await once(server.stdout, 'data')
    const address = String(said).trim()
    const output = path.join(folder, 'downloaded')
    const client = await open({ source: address, home: path.join(folder, 'home'), output, language: 'en' })
    const query = { dataset: 'SIH-RD', uf: 'AC', columns: ['N_AIH'] }
    const plan = await client.planSync([query, { dataset: 'SIM-DO', uf: 'AC' }])
    assert.deepEqual([plan.files, plan.filesToFetch], [4, 4])
    const phases = new Set()
    const report = await client.export(query, { to: csv('ac.csv'), onEvent: (event) => phases.add(event.progress.phase) })
    assert.equal(report.recordsProcessed, 300)
    assert.equal(report.sources[0].origin, address)
    for (const phase of phases) assert.ok(['waiting', 'downloading', 'converting', 'running', 'loading'].includes(phase), phase)
    assert.equal((await client.sync(query)).files, 3)
    assert.equal((await client.planSync(query)).filesToFetch, 0)
    await client.close()
    // A list of sources, of which the first takes no connection; and how far a sync has come.
    const listed = await open({ source: ['ftp://127.0.0.1:1/ninguem', address], home: path.join(folder, 'outra'), output, language: 'en' })
    const seen = []
    const synced = await listed.sync(query, { onProgress: (progress) => seen.push(progress) })
    assert.equal(synced.sources[0].origin, address)
    const last = seen.at(-1)
    assert.deepEqual([last.filesDone, last.filesTotal, last.fraction], [3, 3, 1])
    const stops = () => { throw new RangeError('chega') }
    await assert.rejects(listed.sync({ dataset: 'SIM-DO' }, { onProgress: stops }), RangeError)
    await listed.close()
  } finally {
    server.stdin.end()
    await once(server, 'exit')
  }
})
