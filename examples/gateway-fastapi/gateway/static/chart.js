/** Bars, or a line over time, as SVG. Values are the answer's; nothing is left out without a word. */

import { number } from './texts.js'

const MOST = 30
const make = (name, attributes, ...children) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}
const short = (said, most) => (said.length > most ? `${said.slice(0, most - 1)}…` : said)
const isTime = (column) => /^(datasus_competencia|ANO_CMPT)$/.test(column)

/**
 * @param {{ x: string, y: string }} axes what each axis shows, and in which unit
 * @returns {SVGElement | null} null where there is nothing to draw, or too much
 */
export function chart(columns, rows, axes, words, language, width) {
  const wide = Math.max(280, Math.min(width, 900))
  const [x, y] = columns
  // NULL is no 0: there is nothing to draw then.
  const values = rows.map((row) => (row[y] === null ? NaN : Number(row[y])))
  if (columns.length !== 2 || rows.length === 0 || rows.length > MOST || values.some((value) => !Number.isFinite(value))) return null
  const names = rows.map((row) => (row[x] === null ? words.nulls : String(row[x])))
  const most = Math.max(0, ...values)
  const least = Math.min(0, ...values)
  const span = most - least || 1
  const title = make('title', {}, words.chart(y, x))
  const told = make('desc', {}, names.map((name, at) => `${name}: ${number(values[at], language)}`).join('; '))
  return isTime(x) && rows.length > 1 ? line() : bars()

  /** What an axis shows; one that is cut has all of it as its title. */
  function named(said, attributes, room) {
    return make('text', { class: 'named', ...attributes }, make('title', {}, said), short(said, Math.floor(room / 7.6)))
  }

  function bars() {
    const head = 28
    const height = head + rows.length * 30 + 8
    // The names on the left, room for the figures on the right.
    const [side, figures] = [Math.min(190, wide * 0.36), 12 + 7.5 * Math.max(...values.map((value) => number(value, language).length))]
    const at = (value) => side + 8 + ((value - least) / span) * (wide - side - 8 - figures)
    const svg = make('svg', { viewBox: `0 0 ${wide} ${height}`, width: '100%', role: 'img' }, title, told)
    svg.append(named(axes.x, { x: side, y: 15, 'text-anchor': 'end' }, side), named(axes.y, { x: side + 8, y: 15 }, wide - side - 8))
    names.forEach((name, index) => {
      const [from, to] = [at(0), at(values[index])].sort((one, other) => one - other)
      const top = head + index * 30 + 6
      svg.append(make('text', { x: side, y: top + 15, 'text-anchor': 'end' }, short(name, Math.floor(side / 7))))
      svg.append(make('rect', { class: 'bar', x: from, y: top, width: Math.max(1, to - from), height: 20, rx: 3 }))
      svg.append(make('text', { x: to + 6, y: top + 15 }, number(values[index], language)))
    })
    svg.append(make('line', { class: 'axis', x1: at(0), x2: at(0), y1: head, y2: height }))
    return svg
  }

  function line() {
    const order = names.map((name, index) => ({ name, value: values[index] })).sort((one, other) => one.name.localeCompare(other.name))
    const left = (index) => 80 + (index / (order.length - 1)) * (wide - 110)
    const top = (value) => 42 + (1 - (value - least) / span) * 200
    const svg = make('svg', { viewBox: `0 0 ${wide} 300`, width: '100%', role: 'img' }, title, told)
    svg.append(named(axes.y, { x: 4, y: 16 }, wide - 8), named(axes.x, { x: (80 + wide - 30) / 2, y: 290, 'text-anchor': 'middle' }, wide - 110))
    for (const value of [least, (least + most) / 2, most]) {
      svg.append(make('line', { class: 'axis', x1: 74, x2: wide - 20, y1: top(value), y2: top(value) }))
      svg.append(make('text', { x: 70, y: top(value) + 4, 'text-anchor': 'end' }, number(Math.round(value * 100) / 100, language)))
    }
    svg.append(make('polyline', { class: 'line', points: order.map(({ value }, index) => `${left(index)},${top(value)}`).join(' ') }))
    const every = Math.ceil(order.length / (wide / 75))
    order.forEach(({ name, value }, index) => {
      svg.append(make('circle', { class: 'bar', cx: left(index), cy: top(value), r: 4 }))
      if (index % every === 0) svg.append(make('text', { x: left(index), y: 267, 'text-anchor': 'middle' }, name))
    })
    return svg
  }
}
