/** Ports for servers that cannot choose one themselves. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whether nobody has it now. */
async function isFree(port) {
  const server = createServer().listen(port, '127.0.0.1')
  if (!(await once(server, 'listening').then(() => true, () => false))) return false
  server.close()
  await once(server, 'close')
  return true
}

/** Below those that the system gives to whoever connects: until the server has it, nobody takes one by chance. */
export async function freePorts(count) {
  const ports = new Set()
  while (ports.size < count) {
    const port = randomInt(10_000, 30_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}
