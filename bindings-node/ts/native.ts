/** Finds the addon of this platform, and tells it where it is. */

import { isMainThread } from 'node:worker_threads'

import type * as Native from '../native'

export type { Client as NativeClient, Job as NativeJob, Progress, Rows as NativeRows, Stop as NativeStop } from '../native'
/** A batch of the addon: arrays in the schema's order, each before its children. */
export type Handed = NonNullable<Awaited<ReturnType<Native.Rows['next']>>>

function platform(): string {
  const name = `${process.platform}-${process.arch}`
  if (process.platform !== 'linux') return name
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined ? `${name}-musl` : `${name}-gnu`
}

function load(): typeof Native {
  const name = `datasus-${platform()}`
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(name) as typeof Native
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
    if (!missing) throw error
    throw new Error(
      `datasus: the package ${name} is not installed. It comes with datasus as an optional dependency where it is built ` +
        `(linux-x64-gnu); install without --omit=optional, and on the platform that runs it.`,
      { cause: error },
    )
  }
}

export const native: typeof Native = load()

// Only where Node was started with --expose-gc.
const collect = (globalThis as { gc?: () => void }).gc
native.arrive(isMainThread, collect === undefined ? null : () => collect())
