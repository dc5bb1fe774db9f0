/** Log lines of the SDK, for the application's own logger. */

import { atOnce, spoken } from './errors'
import { Given } from './given'
import { native } from './native'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

const LEVELS: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error']

/** `onLog((level, line) => pino[level](line))`: hears every line from `level` on; null: none. One in each thread of JavaScript. */
export function onLog(logger: ((level: Level, line: string) => void) | null, level: Level = 'info'): void {
  const given = new Given(spoken())
  if (logger !== null) given.function('logger', logger)
  given.word('level', level, LEVELS)
  atOnce(() => native.setLogger(logger as ((level: string, line: string) => void) | null, level))
}
