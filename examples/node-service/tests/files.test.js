/** CSVs that an earlier process has left. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

import { madeFolder, startService } from './service.js'

const DAY = 86_400

test('a CSV of an earlier process goes once it is too old, and nothing else does', async () => {
  const made = await madeFolder(10)
  const home = await mkdtemp(path.join(os.tmpdir(), 'datasus-service-old-'))
  const files = path.join(home, 'files')
  await mkdir(files, { recursive: true })
  const [old, young] = ['0', '1'].map((digit) => `${digit.repeat(8)}-1111-4111-8111-111111111111.csv`)
  for (const [name, days] of [[old, 3], [young, 1], ['meu.csv', 30]]) {
    await writeFile(path.join(files, name), 'CNES\n')
    const then = Date.now() / 1000 - days * DAY
    await utimes(path.join(files, name), then, then)
  }
  const service = await startService(made.folder, { SERVICE_HOME: home, SERVICE_KEEP: '2' })
  try {
    assert.deepEqual((await readdir(files)).sort(), [young, 'meu.csv'])
  } finally {
    await service.stop()
    await made.remove()
    await rm(home, { recursive: true, force: true })
  }
})
