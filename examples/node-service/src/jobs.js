/** Queries that nobody waits for: `POST /query` with `Prefer: respond-async` starts one, and `/jobs` tells what became of it. */

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'

import { csv, DatasusError } from 'datasus'

import { conflict, unknownJob } from './errors.js'

/** Jobs that are remembered; of more the oldest that is over goes, and its file with it. */
const MOST = 1_000
/** Of a CSV that a job makes. */
const NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.csv$/
const OVER = ['completed', 'failed', 'cancelled']

/**
 * @typedef {{ job: import('datasus').Job, file: string, error: object | null, report: import('datasus').Report | null, ended: Promise<void> }} Known
 */

export class Jobs {
  /** @type {Map<string, Known>} */
  #known = new Map()
  #client
  #folder

  /** @param {import('datasus').Client} client @param {string} folder */
  constructor(client, folder) {
    this.#client = client
    this.#folder = folder
  }

  /** @param {string} query the contract's JSON */
  async submit(query) {
    const file = `${randomUUID()}.csv`
    const job = await this.#client.submit(query, { to: csv(file) })
    /** @type {Known} */
    const known = { job, file, error: null, report: null, ended: Promise.resolve() }
    this.#known.set(job.id, known)
    known.ended = job.report().then(
      (report) => { known.report = report },
      (error) => { known.error = error instanceof DatasusError ? error.toJSON() : { status: 'error', error_code: 'DS-500', detail: String(error) } },
    )
    this.#forget()
    return this.#told(known)
  }

  #forget() {
    for (const [id, known] of this.#known) {
      if (this.#known.size <= MOST) return
      if (!known.job.done) continue
      this.#known.delete(id)
      // A job that failed has left none.
      void unlink(path.join(this.#folder, known.file)).catch(() => undefined)
    }
  }

  /**
   * Removes CSVs of earlier processes that are older than `keep` milliseconds; nobody here knows their jobs any more.
   *
   * @param {number} keep
   */
  async sweep(keep) {
    const own = new Set([...this.#known.values()].map(({ file }) => file))
    const left = (await readdir(this.#folder)).filter((name) => NAME.test(name) && !own.has(name))
    for (const name of left) {
      const place = path.join(this.#folder, name)
      if (Date.now() - (await stat(place)).mtimeMs > keep) await unlink(place)
    }
  }

  /** @param {string} id */
  #find(id) {
    const known = this.#known.get(id)
    if (known === undefined) throw unknownJob(id.slice(0, 80))
    return known
  }

  /** @param {Known} known */
  #told({ job, error, report }) {
    const at = `/jobs/${job.id}`
    const links = { self: at, cancel: `${at}/cancel`, dead_letters: `${at}/dead-letters`, result: `${at}/result` }
    // Its end is told with what it ended with, and not before.
    const ending = OVER.includes(job.status) && error === null && report === null
    const status = ending ? 'running' : job.status
    return { job_id: job.id, trace_id: job.traceId, status, progress: job.progress, report, error, links }
  }

  /** @param {string} id */
  get(id) {
    return this.#told(this.#find(id))
  }

  /** @param {string} id */
  cancel(id) {
    const known = this.#find(id)
    if (known.job.done) throw conflict(`O trabalho já terminou: ${known.job.status}`, known.job.status)
    known.job.cancel()
    return this.#told(known)
  }

  /** @param {string} id */
  async deadLetters(id) {
    this.#find(id)
    const none = (/** @type {unknown} */ error) => {
      if (error instanceof DatasusError && error.code === 'DS-404') return []
      throw error
    }
    return this.#client.deadLetters(id).catch(none)
  }

  /** The file of a job that is complete. @param {string} id */
  async result(id) {
    const { job, file } = this.#find(id)
    if (job.status !== 'completed') throw conflict(`O trabalho ainda não terminou: ${job.status}. Siga-o em /jobs/${id}`, job.status)
    const place = path.join(this.#folder, file)
    return { size: (await stat(place)).size, read: (/** @type {object} */ range = {}) => createReadStream(place, range) }
  }

  /** Lets nothing run on. */
  async end() {
    for (const { job } of this.#known.values()) job.interrupt()
    await Promise.all([...this.#known.values()].map(({ ended }) => ended))
  }
}

/** @param {import('fastify').FastifyRequest} request */
const idOf = (request) => /** @type {{ id: string }} */ (request.params).id

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {{ jobs: Jobs }} options
 */
export async function jobRoutes(app, { jobs }) {
  app.get('/jobs/:id', async (request) => jobs.get(idOf(request)))
  app.post('/jobs/:id/cancel', async (request, reply) => reply.code(202).send(jobs.cancel(idOf(request))))
  app.get('/jobs/:id/dead-letters', async (request) => ({ dead_letters: await jobs.deadLetters(idOf(request)) }))
  app.get('/jobs/:id/result', async (request, reply) => {
    const id = idOf(request)
    const { size, read } = await jobs.result(id)
    reply.type('text/csv; charset=utf-8').header('accept-ranges', 'bytes')
    reply.header('content-disposition', `attachment; filename="datasus-${id}.csv"`)
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    if (asked === null) return reply.header('content-length', size).send(read())
    const start = Number(asked[1])
    const end = Math.min(asked[2] === '' ? size - 1 : Number(asked[2]), size - 1)
    if (start > end) return reply.code(416).header('content-range', `bytes */${size}`).send()
    reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`).header('content-length', end - start + 1)
    return reply.send(read({ start, end }))
  })
}
