/** Bars, or a line over time, as SVG. Values are the answer's; nothing is left out without a word. */

import { number } from './texts.js'

/** Bars, and points of a line. */
const BARS = 30
export const POINTS = 600
const make = (name, attributes, ...children) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}
const pen = document.createElement('canvas').getContext('2d')
const widthOf = (said, weight = 400) => {
  pen.font = `${weight} 12px ${getComputedStyle(document.documentElement).fontFamily}`
  return pen.measureText(said).width
}
/** What fits, with a sign where something is cut. */
function short(said, room, weight) {
  if (widthOf(said, weight) <= room) return said
  let most = said.length - 1
  while (most > 0 && widthOf(`${said.slice(0, most)}…`, weight) > room) most -= 1
  return `${said.slice(0, most)}…`
}
const isTime = (column) => /^(datasus_competencia|ANO_CMPT)$/.test(column)
/** Months, or years, since there are any; no number where it is neither. */
const stepOf = (said) => {
  const found = /^(\d{4})(0[1-9]|1[0-2])?$/.exec(said)
  if (found === null) return NaN
  return found[2] === undefined ? Number(found[1]) : Number(found[1]) * 12 + Number(found[2])
}

/**
 * @param {{ x: string, y: string }} axes what each axis shows, and in which unit
 * @returns {{ svg: SVGElement, gaps: boolean } | null} null where there is nothing to draw, or too much; whether a line has gaps
 */
export function chart(columns, rows, axes, words, language, width) {
  const wide = Math.max(280, Math.min(width, 900))
  const [x, y] = columns
  // NULL is no 0: there is nothing to draw then.
  const values = rows.map((row) => (row[y] === null ? NaN : Number(row[y])))
  if (columns.length !== 2 || rows.length === 0 || rows.length > (isTime(x) ? POINTS : BARS) || values.some((value) => !Number.isFinite(value))) return null
  const names = rows.map((row) => (row[x] === null ? words.nulls : String(row[x])))
  const most = Math.max(0, ...values)
  const least = Math.min(0, ...values)
  const span = most - least || 1
  const title = make('title', {}, words.chart(axes.y, axes.x))
  const told = make('desc', {}, names.map((name, at) => `${name}: ${number(values[at], language)}`).join('; '))
  const steps = names.map(stepOf)
  const over = isTime(x) && rows.length > 1 && steps.every(Number.isFinite) && new Set(names.map((name) => name.length)).size === 1
  // Without time to lay them along there is room for bars alone.
  if (!over) return rows.length > BARS ? null : { svg: bars(), gaps: false }
  return line()

  /** What an axis shows, by its name alone: meaning and unit stand above the chart. */
  function named(said, attributes, room) {
    return make('text', { class: 'named', ...attributes }, make('title', {}, said), short(said.split(': ')[0], room, 600))
  }

  function bars() {
    const head = 28
    const height = head + rows.length * 30 + 8
    // The names on the left, room for the figures on the right.
    const [side, figures] = [Math.min(190, wide * 0.36), 12 + Math.max(...values.map((value) => widthOf(number(value, language))))]
    const at = (value) => side + 8 + ((value - least) / span) * (wide - side - 8 - figures)
    const svg = make('svg', { viewBox: `0 0 ${wide} ${height}`, width: '100%', role: 'img' }, title, told)
    svg.append(named(axes.x, { x: side, y: 15, 'text-anchor': 'end' }, side), named(axes.y, { x: side + 8, y: 15 }, wide - side - 8))
    names.forEach((name, index) => {
      const [from, to] = [at(0), at(values[index])].sort((one, other) => one - other)
      const top = head + index * 30 + 6
      svg.append(make('text', { x: side, y: top + 15, 'text-anchor': 'end' }, short(name, side)))
      svg.append(make('rect', { class: 'bar', x: from, y: top, width: Math.max(1, to - from), height: 20, rx: 3 }))
      svg.append(make('text', { x: to + 6, y: top + 15 }, number(values[index], language)))
    })
    svg.append(make('line', { class: 'axis', x1: at(0), x2: at(0), y1: head, y2: height }))
    return svg
  }

  function line() {
    const order = names.map((name, index) => ({ name, value: values[index], step: steps[index] })).sort((one, other) => one.step - other.step)
    const marks = [least, (least + most) / 2, most].map((value) => [value, number(Math.round(value * 100) / 100, language)])
    // Whatever the figures' length, none of their digits is cut.
    const begin = 16 + Math.max(...marks.map(([, said]) => widthOf(said)))
    // By the calendar: a month without records has its room, and no line leads over it.
    const [first, last] = [order[0].step, order.at(-1).step]
    const left = (step) => begin + ((step - first) / (last - first || 1)) * (wide - begin - 30)
    const parts = []
    order.forEach((one, index) => {
      if (index === 0 || one.step - order[index - 1].step > 1) parts.push([])
      parts.at(-1).push(one)
    })
    const top = (value) => 42 + (1 - (value - least) / span) * 200
    const svg = make('svg', { viewBox: `0 0 ${wide} 300`, width: '100%', role: 'img' }, title, told)
    svg.append(named(axes.y, { x: 4, y: 16 }, wide - 8), named(axes.x, { x: (begin + wide - 30) / 2, y: 290, 'text-anchor': 'middle' }, wide - begin + 20))
    for (const [value, said] of marks) {
      svg.append(make('line', { class: 'axis', x1: begin - 6, x2: wide - 20, y1: top(value), y2: top(value) }))
      svg.append(make('text', { x: begin - 10, y: top(value) + 4, 'text-anchor': 'end' }, said))
    }
    for (const part of parts.filter((one) => one.length > 1)) {
      svg.append(make('polyline', { class: 'line', points: part.map(({ step, value }) => `${left(step)},${top(value)}`).join(' ') }))
    }
    let atName = -Infinity
    for (const { name, value, step } of order) {
      svg.append(make('circle', { class: 'bar', cx: left(step), cy: top(value), r: 4 }))
      if (left(step) - atName < 60) continue
      atName = left(step)
      svg.append(make('text', { x: atName, y: 267, 'text-anchor': 'middle' }, name))
    }
    return { svg, gaps: parts.length > 1 }
  }
}
