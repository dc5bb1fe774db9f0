/** Answers that are being streamed: each can be cancelled, by its reader's leaving or by the end of the service. */

import { setTimeout as sleep } from 'node:timers/promises'

export class Answers {
  /** @type {Map<AbortController, Promise<void>>} */
  #open = new Map()
  /** True once the service takes no more. */
  closing = false

  get size() {
    return this.#open.size
  }

  /**
   * The signal of one answer; aborted when its connection closes before all was sent.
   *
   * @param {import('node:http').ServerResponse} response
   */
  begin(response) {
    const controller = new AbortController()
    /** @type {Promise<void>} */
    const closed = new Promise((done) => {
      response.once('close', () => {
        this.#open.delete(controller)
        if (!response.writableFinished) controller.abort(new Error('the reader went away'))
        done()
      })
    })
    this.#open.set(controller, closed)
    return controller.signal
  }

  /**
   * Takes no more answers, lets those that are open end, and breaks off what is left after `grace` milliseconds.
   *
   * @param {number} grace
   * @returns {Promise<number>} how many were broken off
   */
  async end(grace) {
    this.closing = true
    const waiting = new AbortController()
    const late = sleep(grace, undefined, { signal: waiting.signal }).catch(() => undefined)
    await Promise.race([Promise.all(this.#open.values()), late])
    waiting.abort()
    const broken = this.size
    for (const controller of this.#open.keys()) controller.abort(new Error('the service is stopping'))
    await Promise.all(this.#open.values())
    return broken
  }
}
