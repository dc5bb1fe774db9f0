/** Where a CSV stream ends: nowhere, or (`check=1`) in a count of its rows and a sum of its last column, VAL_TOT. */

import { Writable } from 'node:stream'

import { amount, given } from './job.mjs'

export class Sink extends Writable {
  bytes = 0
  #rows = -1
  #cents = 0n
  #left = ''

  _write(piece, _encoding, done) {
    this.bytes += piece.length
    if (given.check === '1') this.#count(piece.toString('latin1'))
    done()
  }

  #count(text) {
    const lines = (this.#left + text).split('\n')
    this.#left = lines.pop()
    for (const line of lines) {
      // The head comes first.
      if (this.#rows >= 0) this.#cents += BigInt(line.slice(line.lastIndexOf(',') + 1).replace('.', ''))
      this.#rows += 1
    }
  }

  /** What was found; nothing where nothing was looked at. */
  found() {
    return given.check === '1' ? { rows: this.#rows, sums: { VAL_TOT: amount(this.#cents) } } : {}
  }
}
