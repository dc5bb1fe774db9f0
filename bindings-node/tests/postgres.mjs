/** A PostgreSQL of the tests' own: a data directory of its own, a free port of loopback, stopped by its pid. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import { freePorts } from './free_ports.mjs'

const run = promisify(execFile)
const PLACE = '/usr/lib/postgresql'

/** The folder of the newest programs here, or of those that DATASUS_POSTGRES_BIN names. */
async function programs() {
  if (process.env.DATASUS_POSTGRES_BIN) return process.env.DATASUS_POSTGRES_BIN
  const versions = (await readdir(PLACE).catch(() => [])).filter((name) => /^\d+$/.test(name)).sort((a, b) => a - b)
  if (versions.length === 0) throw new Error(`expected PostgreSQL's programs in ${PLACE}; run setup/postgresql.sh`)
  return path.join(PLACE, versions.at(-1), 'bin')
}

/** PostgreSQL refuses to be root. */
async function owner() {
  if (process.getuid() !== 0) return {}
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)))
  return { uid, gid }
}

/**
 * Starts one, within some minutes.
 *
 * @returns {Promise<{ url: string, pid: number, query(sql: string): Promise<string>, stop(): Promise<void> }>}
 *   `query` gives what psql prints: rows by line, columns between `|`. `stop` leaves nothing behind.
 */
export async function startPostgres() {
  const [bin, as, [port]] = await Promise.all([programs(), owner(), freePorts(1)])
  const folder = await mkdtemp(path.join(os.tmpdir(), 'datasus-node-postgres-'))
  if (as.uid !== undefined) await chown(folder, as.uid, as.gid)
  const data = path.join(folder, 'data')
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const log = await open(path.join(folder, 'log'), 'a')
  let server

  async function stop() {
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      // Fast shutdown: it breaks connections off.
      process.kill(server.pid, 'SIGINT')
      const late = setTimeout(() => process.kill(server.pid, 'SIGKILL'), 30_000)
      await ended
      clearTimeout(late)
    }
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }

  async function query(sql) {
    const words = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql]
    return (await run(path.join(bin, 'psql'), words)).stdout.trim()
  }

  try {
    const where = { ...as, cwd: folder }
    const words = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale', 'C.UTF-8']
    await run(path.join(bin, 'initdb'), words, where)
    const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off' }
    const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    server = spawn(path.join(bin, 'postgres'), ['-D', data, ...given], { ...where, stdio: ['ignore', log.fd, log.fd] })
    await once(server, 'spawn')
    const until = Date.now() + 180_000
    const isUp = () => query('SELECT 1').then(Boolean, () => false)
    while (!(await isUp())) {
      if (Date.now() > until || server.exitCode !== null) {
        throw new Error(`PostgreSQL did not start: ${await readFile(path.join(folder, 'log'), 'utf8')}`)
      }
      await sleep(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { url, pid: server.pid, query, stop }
}
