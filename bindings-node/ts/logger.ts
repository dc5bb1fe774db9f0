/** Log lines of the SDK, for the application's own logger. */

import { atOnce } from './errors'
import { native } from './native'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** `onLog((level, line) => pino[level](line))`: hears every line from `level` on; null: none. One in each thread of JavaScript. */
export function onLog(logger: ((level: Level, line: string) => void) | null, level: Level = 'info'): void {
  atOnce(() => native.setLogger(logger as ((level: string, line: string) => void) | null, level))
}
