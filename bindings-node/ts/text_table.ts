/** Small tables for terminals. */

const GAP = '  '
/** Fewer characters of a column that is cut say nothing. */
const LEAST = 12

/** The text in one line, with an ellipsis where it is longer. */
function cut(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= most ? line : `${line.slice(0, Math.max(most - 1, 0)).trimEnd()}…`
}

/** The text in lines of so many characters, between words where it can be. */
function wrapped(text: string, most: number): string[] {
  const lines: string[] = []
  let rest = text.replace(/\s+/g, ' ').trim()
  while (rest.length > most) {
    const blank = rest.lastIndexOf(' ', most)
    const end = blank > 0 ? blank : most
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

/** Rows below their headings; the column `wide` takes what the others leave of the terminal's width, in several lines where it must. @internal */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[], wide: number): string {
  const every = rows.map((row) => row.map((cell, at) => cut(cell, at === wide ? Infinity : 60)))
  const widths = head.map((name, at) => Math.max(name.length, ...every.map((row) => row[at]?.length ?? 0)))
  const others = widths.reduce((sum, size, at) => (at === wide ? sum : sum + size), GAP.length * (head.length - 1))
  widths[wide] = Math.min(widths[wide] ?? 0, Math.max((process.stdout.columns ?? 120) - others, LEAST))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, at) => cut(cell, widths[at] ?? 0).padEnd(widths[at] ?? 0)).join(GAP).trimEnd()
  const lines = (cells: readonly string[]): string =>
    wrapped(cells[wide] ?? '', widths[wide] ?? LEAST)
      .map((part, number) => line(cells.map((cell, at) => (at === wide ? part : number === 0 ? cell : ''))))
      .join('\n')
  return [line(head), widths.map((size) => '─'.repeat(size)).join(GAP), ...every.map(lines)].join('\n')
}

/** `of` as `console.log` shows it: as `text` says. @internal */
export function shownAs<T extends object>(of: T, text: () => string): T {
  Object.defineProperty(of, Symbol.for('nodejs.util.inspect.custom'), { value: text, enumerable: false })
  Object.defineProperty(of, 'toString', { value: text, enumerable: false })
  return of
}
