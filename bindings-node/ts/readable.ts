/** Rows as a stream of bytes. */

import { Readable } from 'node:stream'

/** Bytes of a piece of a stream, at most. */
const PIECE = 1 << 20

/** Where bytes come from. */
export interface Source {
  /** The next bytes; null after the last. */
  next(): Promise<Buffer | null>
  /** Lets go of what was not taken. */
  close(): Promise<void>
}

/** What `pipe` writes to. */
interface Target extends NodeJS.WritableStream {
  readonly destroyed?: boolean
  readonly headersSent?: boolean
  /** Of an answer over HTTP/2. */
  readonly stream?: { readonly destroyed: boolean }
  destroy?(error?: Error): unknown
}

/**
 * Bytes, read no faster than they are taken. Destroyed before its end, it lets go of its source; where that fails, it emits the
 * error and never ends short.
 *
 * Also through `pipe`, which by itself would neither tell the source that a client went away, nor the client that the source failed:
 * an error ends the process then, and an HTTP answer that was cut would stay open.
 */
export class RowsReadable extends Readable {
  readonly #source: Source
  /** What was read of the source, and how much of it was pushed. */
  #bytes: Buffer = Buffer.alloc(0)
  #sent = 0
  /** Targets of `pipe` that end with us, and how to leave them alone. */
  readonly #targets = new Map<Target, () => void>()

  constructor(source: Source) {
    super({ highWaterMark: PIECE })
    this.#source = source
  }

  override _read(): void {
    if (this.#sent < this.#bytes.length) {
      // A batch is some megabytes; a socket wants less at a time.
      this.push(this.#bytes.subarray(this.#sent, (this.#sent += PIECE)))
      return
    }
    this.#source.next().then(
      (some) => {
        if (some === null) return this.push(null)
        ;[this.#bytes, this.#sent] = [some, PIECE]
        return this.push(some.subarray(0, PIECE))
      },
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#bytes = Buffer.alloc(0)
    this.#source.close().then(
      () => done(error),
      () => done(error),
    )
  }

  override pipe<T extends NodeJS.WritableStream>(target: T, options?: { end?: boolean }): T {
    // What is to stay open after us is its owner's: stdout, and the targets of `pipeline`, which looks after both sides.
    const isOurs = options?.end !== false && ![process.stdout, process.stderr].includes(target as never)
    if (isOurs && typeof (target as Target).destroy === 'function') this.#guard(target)
    return super.pipe(target, options)
  }

  #guard(target: Target): void {
    if (hasGone(target)) {
      this.destroy()
      return
    }
    const failed = (error: Error): void => this.#breakOff(target, error)
    const gone = (): void => {
      free()
      // The client went away, and nobody else reads.
      if (!this.readableEnded && this.#targets.size === 0) this.destroy()
    }
    const free = (): void => {
      this.#targets.delete(target)
      this.off('error', failed)
      target.off('close', gone)
      target.off('unpipe', unpiped)
    }
    const unpiped = (from: unknown): void => {
      // Where either of us was destroyed, the target's `close` is still to come.
      if (from === this && (this.readableEnded || (!this.destroyed && !hasGone(target)))) free()
    }
    this.#targets.get(target)?.()
    this.#targets.set(target, free)
    this.on('error', failed)
    target.on('close', gone)
    target.on('unpipe', unpiped)
  }

  /** What was sent is not to be taken for the whole: the target is destroyed, unless somebody else can still answer. */
  #breakOff(target: Target, error: Error): void {
    const isHeard = this.listenerCount('error') > this.#targets.size
    if (isHeard && target.headersSent !== true) return
    // With it goes the listener of `pipe`, which stands for nobody.
    this.unpipe(target)
    // An HTTP answer keeps the error to itself; another stream without listeners would end the process with it.
    const takesIt = target.headersSent !== undefined || target.listenerCount('error') > 0
    // A write under way fails by that, and nobody listens.
    if (!takesIt) target.on('error', () => undefined)
    target.destroy?.(takesIt ? error : undefined)
    if (!isHeard) process.emitWarning(error.message, { type: 'DatasusWarning', detail: error.stack ?? '' })
  }
}

/** Nobody reads it any more. */
function hasGone(target: Target): boolean {
  return target.destroyed === true || target.writable === false || target.stream?.destroyed === true
}
