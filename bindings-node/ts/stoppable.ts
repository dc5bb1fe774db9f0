/** Calls of the addon that have no job. */

import { refuseAborted, settled, type Language } from './errors'
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
