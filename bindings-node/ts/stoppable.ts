/** Calls of the addon that have no job. */

import { abortedBy, refuseAborted, settled, type Language } from './errors'
import { native } from './native'

/** Such a call, which a signal ends. */
export async function stoppable<T>(
  signal: AbortSignal | undefined,
  language: Language,
  call: (stop: InstanceType<typeof native.Stop>) => Promise<T>,
): Promise<T> {
  refuseAborted(signal, language)
  const stop = new native.Stop()
  const abort = (): void => stop.set()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await settled(call(stop), signal)
  } finally {
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
