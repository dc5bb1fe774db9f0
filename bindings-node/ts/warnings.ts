/** Warnings of reports as warnings of the process, for who reads no report: `process.on('warning', ...)`, or stderr. */

/** Of one report; the rest is in `report.warnings`. */
const MOST = 20
/** Texts that are remembered, so that each is told once. */
const REMEMBERED = 1_000

/** What a client has warned of: each text once. */
export class Warnings {
  readonly #told = new Set<string>()

  tell(warnings: readonly string[], traceId?: string): void {
    const fresh = warnings.filter((warning) => !this.#told.has(warning))
    if (this.#told.size > REMEMBERED) this.#told.clear()
    for (const warning of fresh) this.#told.add(warning)
    const detail = traceId === undefined ? undefined : `trace_id=${traceId}`
    for (const warning of fresh.slice(0, MOST)) {
      process.emitWarning(warning, { type: 'DatasusWarning', ...(detail !== undefined && { detail }) })
    }
    if (fresh.length > MOST) {
      process.emitWarning(`+ ${fresh.length - MOST}: report.warnings`, { type: 'DatasusWarning', ...(detail !== undefined && { detail }) })
    }
  }
}
