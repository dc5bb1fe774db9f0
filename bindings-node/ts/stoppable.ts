/** Calls of the addon that have no job. */

import { abortedBy, refuseAborted, settled, type Language } from './errors'
import { native, type Progress } from './native'

/** Between two looks at how far a call has come, in milliseconds. */
const LOOK = 100

/** Such a call, which a signal ends, and of which `told` hears how far it has come. What `told` throws ends it. */
export async function stoppable<T>(
  signal: AbortSignal | undefined,
  language: Language,
  call: (stop: InstanceType<typeof native.Stop>) => Promise<T>,
  told?: (progress: Progress) => void,
): Promise<T> {
  refuseAborted(signal, language)
  const stop = new native.Stop()
  const abort = (): void => stop.set()
  signal?.addEventListener('abort', abort, { once: true })
  // At most one.
  const thrown: unknown[] = []
  const tell = (): void => {
    const { progress } = stop
    if (told === undefined || progress === null || thrown.length > 0) return
    try {
      told(progress)
    } catch (error) {
      thrown.push(error)
      stop.set()
    }
  }
  const looking = told === undefined ? undefined : setInterval(tell, LOOK)
  try {
    const outcome = await settled(call(stop), signal)
    tell()
    if (thrown.length > 0) throw thrown[0]
    return outcome
  } catch (error) {
    throw thrown.length > 0 ? thrown[0] : error
  } finally {
    clearInterval(looking)
    signal?.removeEventListener('abort', abort)
  }
}

/**
 * A call that begins work, which a text of SQL may keep for long while it is parsed: nobody waits for it once the signal is aborted,
 * and what it gives later is let go of. @internal
 */
export async function begun<T>(
  signal: AbortSignal | undefined,
  language: Language,
  call: () => Promise<T>,
  letGo: (late: T) => void,
): Promise<T> {
  refuseAborted(signal, language)
  if (signal === undefined) return settled(call())
  return new Promise((resolve, reject) => {
    let isLeft = false
    const abort = (): void => {
      isLeft = true
      reject(abortedBy(signal, language))
    }
    signal.addEventListener('abort', abort, { once: true })
    settled(call(), signal)
      .finally(() => signal.removeEventListener('abort', abort))
      .then((value) => (isLeft ? letGo(value) : resolve(value)), reject)
  })
}
