// Runs the first example of the README as it stands there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const code = /```js\n([\s\S]*?)```/.exec(readFileSync(process.argv[2], 'utf8'))?.[1]
assert.ok(code, 'the README has no example')
writeFileSync('readme.mjs', code)
const said = execFileSync(process.execPath, ['readme.mjs'], { encoding: 'utf8', timeout: 300_000 })
assert.match(said, /^600$/m, said)
console.log('node: the README\'s example runs')
