/** The form, its check as one types, the answer. */

import { POINTS, chart } from './chart.js'
import { inCode } from './code.js'
import { keptJob, keptLanguage } from './kept.js'
import { Lost, Refused, address, ask, follow, hasKey, spoken, useKey } from './service.js'
import { TEXTS, locale, number } from './texts.js'

const $ = (id) => document.getElementById(id)
const FIRST_ROWS = 100
const NUMERIC = /^(u?int|float|double|decimal)/
let language = 'pt'
let words = TEXTS.pt
let datasets = []
let schema = null
let chosen = new Set()
let running = null
let checking = null
let tab = 'python'

const node = (name, attributes = {}, ...children) => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value)
    else if (typeof value === 'boolean') made.toggleAttribute(key, value)
    else if (value !== undefined) made.setAttribute(key, value)
  }
  made.append(...children)
  return made
}
const option = (value, said, selected = false) => node('option', { value, selected }, said)

// ---- the query -------------------------------------------------------------------------------------------------------------------

const held = () => datasets.find((one) => one.dataset === $('dataset').value)
const isYearly = () => held()?.period === 'year'
const shape = () => document.querySelector('[name=shape]:checked').value
const columnOf = (name) => [...(schema?.columns ?? []), ...(schema?.derived ?? [])].find((one) => one.name === name)
const isText = (name) => (columnOf(name)?.kind ?? 'text') === 'text'

/** What a person typed, as the column's own type has it: codes are text, and keep their zeros. */
function typed(column, said) {
  const trimmed = said.trim()
  if (isText(column) || !/^-?\d+([.,]\d+)?$/.test(trimmed)) return trimmed
  return trimmed.includes(',') || trimmed.includes('.') ? trimmed.replace(',', '.') : Number(trimmed)
}

function filters() {
  return [...document.querySelectorAll('.filter')].flatMap((row) => {
    const [column, op] = [...row.querySelectorAll('select')].map((one) => one.value)
    const said = row.querySelector('input').value
    if (column === '') return []
    if (op === 'is_null' || op === 'not_null') return [{ column, op }]
    if (said.trim() === '') return []
    return [{ column, op, value: op === 'in' ? said.split(',').map((one) => typed(column, one)) : typed(column, said) }]
  })
}

function query() {
  const asked = { dataset: $('dataset').value }
  const ufs = [...document.querySelectorAll('#ufs :checked')].map((one) => one.value)
  if (ufs.length > 0) asked.uf = ufs
  const [from, to] = [$('from').value, $('to').value].map((one) => one.replace('-', ''))
  if (from !== '' || to !== '') asked.competencia = { from: from || to, to: to || from }
  const where = filters()
  if (where.length > 0) asked.where = where
  if (shape() === 'figures') {
    const [fn, of] = [$('fn').value, $('of').value]
    const as = fn === 'count' ? 'n' : `${fn}_${of}`.toLowerCase()
    asked.group_by = [$('group').value]
    asked.aggregates = [fn === 'count' ? { fn, as } : { fn, column: of, as }]
    asked.order_by = [/competencia|ANO_|MES_/.test($('group').value) ? { column: $('group').value } : { column: as, desc: true }]
    return asked
  }
  const names = [...(schema?.columns ?? []), ...(schema?.derived ?? [])].map((one) => one.name).filter((name) => chosen.has(name))
  if (names.length > 0) asked.columns = names
  if ($('labels').checked) {
    // Labels of the columns that are there; asked for all of them, those of columns without a list would be refused.
    const lists = (schema?.derived ?? []).filter((one) => one.label_of && (names.length === 0 || names.includes(one.label_of)))
    const labels = lists.map((one) => one.label_of).filter((one) => !names.includes(`${one}_rotulo`))
    if (names.length === 0 && lists.length > 0) asked.labels = true
    else if (labels.length > 0) asked.labels = [...new Set(labels)]
  }
  const limit = $('limit').value.trim()
  if (limit !== '') asked.limit = /^\d+$/.test(limit) ? Number(limit) : limit
  return asked
}

// ---- the form --------------------------------------------------------------------------------------------------------------------

function tell() {
  document.documentElement.lang = locale(language)
  document.title = words.title
  for (const one of document.querySelectorAll('[data-t]')) if (typeof words[one.dataset.t] === 'string') one.textContent = words[one.dataset.t]
  for (const one of document.querySelectorAll('[data-label]')) one.setAttribute('aria-label', words[one.dataset.label])
  for (const one of ['pt', 'en']) $(one).setAttribute('aria-pressed', String(one === language))
  const fn = $('fn').value || 'count'
  $('fn').replaceChildren(...Object.entries(words.fns).map(([name, said]) => option(name, said, name === fn)))
  if (schema !== null) {
    listColumns()
    for (const row of document.querySelectorAll('.filter')) wordFilter(row)
  }
}

function listDatasets() {
  const before = $('dataset').value
  const shown = datasets.filter((one) => one.held || $('all').checked)
  const groups = Map.groupBy ? Map.groupBy(shown, (one) => one.dataset.split('-')[0]) : new Map([['', shown]])
  $('dataset').replaceChildren(...[...groups].map(([system, every]) => {
    const listed = every.map((one) => option(one.dataset, `${one.dataset} · ${one.nome}`, one.dataset === before))
    return node('optgroup', { label: system }, ...listed)
  }))
}

async function useDataset() {
  const one = held()
  if (one === undefined) return
  const wanted = one.dataset
  const found = await (await ask(`schema/${wanted}`)).json()
  if ($('dataset').value !== wanted) return
  schema = found
  chosen = new Set()
  $('filters').replaceChildren()
  const ufs = one.held?.ufs ?? []
  $('ufs').replaceChildren(...ufs.map((uf) => node('label', {}, node('input', { type: 'checkbox', value: uf }), uf)))
  const format = (said) => (isYearly() ? said.slice(0, 4) : `${said.slice(0, 4)}-${said.slice(4, 6)}`)
  for (const [id, said] of [['from', one.held?.last], ['to', one.held?.last]]) {
    $(id).type = isYearly() ? 'number' : 'month'
    $(id).min = format(one.held?.first ?? one.first ?? '197501')
    $(id).value = said ? format(said) : ''
  }
  $('period').textContent = isYearly() ? words.periodYear : words.period
  const every = [...schema.columns, ...schema.derived].map((column) => column.name)
  const groups = ['datasus_uf', 'datasus_competencia', ...every]
  const usual = ['SEXO_rotulo', 'SEXO', 'datasus_uf'].find((name) => groups.includes(name))
  $('group').replaceChildren(...groups.map((name) => option(name, name, name === usual)))
  const numbers = schema.columns.filter((column) => column.kind !== 'text').map((column) => column.name)
  $('of').replaceChildren(...numbers.map((name) => option(name, name, name === 'VAL_TOT')))
  listColumns()
  changed()
}

const folded = (said) => said.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

function listColumns() {
  const wanted = folded($('search').value)
  const every = [
    ...schema.columns.map((one) => ({ name: one.name, meaning: one.meaning?.pt })),
    ...schema.derived.map((one) => ({ name: one.name, meaning: one.meaning, tag: one.label_of ? 'label' : 'derived' })),
  ]
  const listed = every.filter((one) => folded(`${one.name} ${one.meaning ?? ''}`).includes(wanted))
  $('columns').replaceChildren(...listed.map(({ name, meaning, tag }) => {
    const box = node('input', { type: 'checkbox', value: name, onchange: (event) => { chosen[event.target.checked ? 'add' : 'delete'](name); count(); changed() } })
    box.checked = chosen.has(name)
    const said = node('span', {}, node('b', {}, name), ...(tag ? [node('span', { class: 'tag' }, words[tag])] : []))
    said.append(node('small', meaning ? { lang: 'pt-BR' } : {}, meaning ?? words.none))
    return node('label', {}, box, said)
  }))
  count()
}
const count = () => { $('chosen').textContent = words.chosen(chosen.size, schema.columns.length) }

function addFilter() {
  const number_ = document.querySelectorAll('.filter').length + 1
  const names = ['', ...schema.columns.map((one) => one.name), ...schema.derived.map((one) => one.name)]
  const column = node('select', { class: 'where' }, ...names.map((name) => option(name, name)))
  const values = node('div', { class: 'values' }, node('select', {}), node('input', {}))
  const remove = node('button', { type: 'button', class: 'plain', onclick: () => { row.remove(); $('add').focus(); changed() } }, '✕')
  const row = node('div', { class: 'filter', role: 'group', 'data-number': number_ }, column, values, remove)
  $('filters').append(row)
  wordFilter(row)
  column.focus()
}

function wordFilter(row) {
  const [column, op] = row.querySelectorAll('select')
  const before = op.value || 'eq'
  op.replaceChildren(...Object.entries(words.ops).map(([name, said]) => option(name, said, name === before)))
  row.setAttribute('aria-label', `${words.filters} ${row.dataset.number}`)
  column.setAttribute('aria-label', words.column)
  op.setAttribute('aria-label', words.op)
  row.querySelector('input').setAttribute('aria-label', words.value)
  row.querySelector('input').placeholder = words.valueHelp
  row.querySelector('button').setAttribute('aria-label', words.remove)
}

// ---- the check -------------------------------------------------------------------------------------------------------------------

let timer = 0
function changed() {
  $('rows').hidden = shape() === 'figures'
  $('figures').hidden = shape() === 'rows'
  $('of').disabled = $('fn').value === 'count'
  for (const row of document.querySelectorAll('.filter')) {
    const op = row.querySelectorAll('select')[1].value
    row.querySelector('input').hidden = op === 'is_null' || op === 'not_null'
  }
  showCode()
  clearTimeout(timer)
  timer = setTimeout(check, 350)
}

/** What is wrong, in the language of the service, which may be another than the page's. */
const problems = (form) => {
  const tongue = form.language ?? spoken()
  const said = (one) => [node('strong', {}, one.error_code), ' ', node('span', { lang: locale(tongue) }, one.detail)]
  const told = form.problems?.length > 1
    ? [node('ul', {}, ...form.problems.map((one) => node('li', {}, ...said(one))))]
    : [node('p', {}, ...said(form))]
  return tongue === language ? told : [...told, node('p', { class: 'hint' }, words.otherLanguage)]
}

async function check() {
  checking?.abort()
  checking = new AbortController()
  const { signal } = checking
  try {
    const found = await (await ask('estimate', { method: 'POST', body: query(), signal })).json()
    offline(false)
    const lines = [words.good(found.explain)]
    const { rows, duration_sec: seconds } = found.estimate ?? {}
    const rough = (value) => Number(value.toPrecision(3))
    if (rows) lines.push(words.estimated({ likely: rough(rows.likely), low: rough(rows.low), high: rough(rows.high) }, rough(seconds.likely)))
    if (!found.at_once) lines.push(words.later)
    $('check').className = 'check'
    $('check').replaceChildren(node('p', {}, lines.join(' ')), ...(found.explain.warnings ?? []).map((one) => node('p', { class: 'hint', lang: locale(spoken()) }, one)))
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof Refused) {
      $('check').className = 'check bad'
      $('check').replaceChildren(...problems(error.form))
    } else lost(error, () => check())
  }
}

// ---- a lost connection -----------------------------------------------------------------------------------------------------------

let again = 0
function offline(is) {
  $('offline').hidden = !is
  $('offline').textContent = is ? words.offline : ''
}
function lost(error, retry) {
  if (!(error instanceof Lost)) throw error
  offline(true)
  clearTimeout(again)
  again = setTimeout(retry, 2000)
}

// ---- the answer ------------------------------------------------------------------------------------------------------------------

function clear() {
  for (const id of ['table', 'chart', 'downloads', 'empty', 'bar']) $(id).hidden = true
  for (const id of ['warnings', 'state', 'downloads', 'chart', 'table']) $(id).replaceChildren()
  $('state').className = ''
}

const run = () => {
  const asked = query()
  keptJob.set(null)
  return attended(async (stop) => {
    const response = await ask('query', { method: 'POST', body: asked, signal: stop.signal })
    offline(false)
    const told = await response.json()
    if (response.status === 202) await job(told, stop)
    else few(asked, told)
  })
}

/** While `work` is at it, it can be cancelled, and nothing else is asked. */
async function attended(work) {
  const stop = new AbortController()
  running = { stop, job: null }
  clear()
  $('run').disabled = true
  $('cancel').hidden = $('bar').hidden = false
  $('bar').removeAttribute('value')
  $('state').textContent = words.running
  $('answer').focus({ preventScroll: innerWidth > 960 })
  try {
    await work(stop)
  } catch (error) {
    if (stop.signal.aborted) $('state').textContent = words.cancelled
    else failed(error)
  } finally {
    running = null
    $('run').disabled = false
    $('cancel').hidden = $('bar').hidden = true
  }
}

function failed(error) {
  $('state').className = 'bad'
  if (error instanceof Refused) {
    const { form, retryAfter } = error
    $('state').replaceChildren(...problems(form))
    if (error.status === 429 && retryAfter) $('state').append(node('p', {}, words.limited(retryAfter)))
    if (form.trace_id) $('state').append(node('p', { class: 'hint' }, words.trace(form.trace_id)))
  } else if (error instanceof Lost) {
    $('state').textContent = words.unanswered
    offline(true)
    clearTimeout(again)
    again = setTimeout(check, 2000)
  } else {
    $('state').textContent = words.unreadable
    throw error
  }
}

function finish(report, limit) {
  $('state').replaceChildren(node('p', {}, words.done(report.records_processed, report.performance.duration_sec)), node('p', { class: 'hint' }, words.trace(report.trace_id)))
  if (report.records_processed === limit) $('state').firstChild.append(` ${words.limitReached}`)
  const warning = (said, attributes = {}) => node('p', { class: 'warning', ...attributes }, said)
  const told = report.warnings.map((one) => warning(one, { lang: locale(spoken()) }))
  $('warnings').replaceChildren(...(report.sampling ? [warning(words.sampled)] : []), ...told)
}

/** What the axes of a chart of these figures show, and in which unit: of columns that is their own, which the catalogue does not name. */
function axesOf(asked) {
  const meant = (name) => {
    const column = columnOf(name)
    const meaning = column?.meaning?.pt ?? column?.meaning
    return meaning ? `${name}: ${meaning}` : name
  }
  const [group, figure] = [asked.group_by?.[0], asked.aggregates?.[0]]
  if (group === undefined || figure === undefined) return { x: '', y: '' }
  const x = group === 'datasus_competencia' ? words.competencia[isYearly() ? 'year' : 'month'] : meant(group)
  const { fn, column } = figure
  if (fn === 'count') return { x, y: words.counted }
  return { x, y: words.figure(words.fns[fn], meant(column), fn === 'count_distinct') }
}

function few(asked, answer) {
  finish(answer, asked.limit)
  show(answer.columns, answer.rows, answer.rows.length, axesOf(asked))
  const name = `${asked.dataset.toLowerCase()}.csv`
  const save = async () => {
    const response = await ask('query', { method: 'POST', body: asked, accept: 'text/csv' }).catch((error) => { failed(error); return null })
    if (response !== null) saved(await response.blob(), name)
  }
  downloads(node('button', { type: 'button', onclick: save }, words.csv))
}

function saved(blob, download) {
  const href = URL.createObjectURL(blob)
  node('a', { href, download }).click()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}

const downloads = (...every) => { $('downloads').replaceChildren(...every); $('downloads').hidden = false }

async function job(first, stop) {
  running.job = first.job_id
  keptJob.set(first.job_id)
  let last = first
  for await (const told of follow(first.job_id, { signal: stop.signal, lost: offline })) {
    last = told
    const { fraction, phase } = told.progress ?? {}
    if (typeof fraction === 'number') $('bar').value = fraction
    else $('bar').removeAttribute('value')
    const said = words.job(told, words.phase[phase] ?? told.status)
    if ($('state').textContent !== said) $('state').textContent = said
  }
  if (last.status === 'cancelled') { keptJob.set(null); $('state').textContent = words.cancelled; return }
  if (last.status !== 'completed') {
    failed(new Refused(500, last.error ?? { error_code: 'DS-500', detail: words.unreadable }, null))
    if (last.error?.diagnostic?.resumable) downloads(node('button', { type: 'button', onclick: () => resume(last.job_id) }, words.resume))
    return
  }
  finish(last.report, last.params.limit)
  const path = `jobs/${last.job_id}/result`
  const name = `datasus-${last.job_id}.csv`
  // A link cannot send a key.
  if (hasKey()) downloads(node('button', { type: 'button', onclick: async () => saved(await (await ask(path, { accept: '*/*' })).blob(), name) }, words.csv))
  else downloads(node('a', { class: 'button', href: path, download: name }, words.csv))
  // As many groups as a chart draws, and one more; of records the first.
  const most = last.params.group_by ? POINTS + 1 : FIRST_ROWS
  const head = await ask('query', { method: 'POST', body: { ...last.params, options: undefined, limit: Math.min(last.params.limit ?? most, most) } })
  if (head.status === 200) {
    const { columns, rows } = await head.json()
    show(columns, rows, last.report.records_processed, axesOf(last.params))
  }
}

const resume = (id) => attended(async (stop) => job(await (await ask(`jobs/${id}/resume`, { method: 'POST' })).json(), stop))

/** What was followed before the page was loaded anew is followed on. */
async function goOn() {
  const id = keptJob.get()
  if (id === null) return
  try {
    const told = await (await ask(`jobs/${id}`)).json()
    if (running === null) await attended((stop) => job(told, stop))
  } catch (error) {
    // It is gone, or another's.
    if (!(error instanceof Refused)) throw error
    keptJob.set(null)
  }
}

function show(columns, rows, all, axes) {
  if (rows.length === 0) { $('state').append(node('p', {}, words.nothing)); return }
  if (axes.x !== '') {
    // A part of the groups is no chart of them.
    const drawn = rows.length < all ? null : chart(columns.map(({ name }) => name), rows, axes, words, language, $('answer').clientWidth - 38)
    $('chart').replaceChildren(...(drawn === null
      ? [node('p', { class: 'hint' }, words.undrawn)]
      : [node('figcaption', {}, words.chart(axes.y, axes.x)), drawn.svg, ...(drawn.gaps ? [node('p', { class: 'hint' }, words.gaps)] : [])]))
    $('chart').hidden = false
  }
  const numeric = columns.map(({ type }) => NUMERIC.test(type))
  const cell = (value, at) => {
    if (value === null) return node('td', { class: 'none' }, words.nulls)
    // Digits as they came: nothing is rounded to be shown.
    return numeric[at] ? node('td', { class: 'number' }, shown(value, columns[at].type)) : node('td', {}, String(value))
  }
  const head = node('thead', {}, node('tr', {}, ...columns.map(({ name }, at) => node('th', { scope: 'col', class: numeric[at] ? 'number' : undefined }, name))))
  const body = node('tbody', {}, ...rows.slice(0, FIRST_ROWS).map((row) => node('tr', {}, ...columns.map(({ name }, at) => cell(row[name], at)))))
  const caption = node('caption', {}, words.first(Math.min(rows.length, FIRST_ROWS), all))
  $('table').replaceChildren(node('div', { class: 'frame', tabindex: '0', role: 'region', 'aria-label': words.answer }, node('table', {}, caption, head, body)))
  $('table').hidden = false
}
function shown(value, type) {
  if (typeof value !== 'number') return value
  const scale = Number(/^decimal\d*\(\d+, ?(\d+)\)/.exec(type)?.[1] ?? 0)
  return new Intl.NumberFormat(locale(language), { minimumFractionDigits: scale, maximumFractionDigits: 20, useGrouping: false }).format(value)
}

// ---- code ------------------------------------------------------------------------------------------------------------------------

function showCode() {
  $('copy').textContent = words.copy
  $('source').querySelector('code').textContent = inCode[tab](query(), address, hasKey())
  $('source').setAttribute('aria-labelledby', `tab-${tab}`)
  for (const one of document.querySelectorAll('[role=tab]')) {
    const is = one.id === `tab-${tab}`
    one.setAttribute('aria-selected', String(is))
    one.tabIndex = is ? 0 : -1
  }
}

/** By http a browser has no clipboard for a page, but at home: then the code is selected, and copied in the old way where that goes. */
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent)
    return true
  } catch {
    getSelection().selectAllChildren(source)
    return document.execCommand('copy')
  }
}

function turn(event) {
  const tabs = [...document.querySelectorAll('[role=tab]')]
  const at = tabs.indexOf(event.target) + ({ ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0)
  const to = tabs[(at + tabs.length) % tabs.length]
  if (to === event.target && event.type === 'keydown') return
  tab = to.id.slice(4)
  showCode()
  to.focus()
}

// ---- the beginning ---------------------------------------------------------------------------------------------------------------

async function begin() {
  try {
    datasets = (await (await ask('datasets')).json()).datasets
    offline(false)
    if ($('state').className === 'bad') clear()
    if (!datasets.some((one) => one.held)) $('all').checked = true
    listDatasets()
    if (datasets.some((one) => one.dataset === 'SIH-RD' && one.held)) $('dataset').value = 'SIH-RD'
    await useDataset()
    await goOn()
  } catch (error) {
    if (error instanceof Refused) failed(error)
    else lost(error, begin)
  }
}

function useLanguage(to) {
  language = to
  words = TEXTS[to]
  keptLanguage.set(to)
  tell()
  if (schema !== null) changed()
}

for (const one of ['pt', 'en']) $(one).addEventListener('click', () => useLanguage(one))
for (const one of document.querySelectorAll('[role=tab]')) {
  one.addEventListener('click', turn)
  one.addEventListener('keydown', turn)
}
$('copy').addEventListener('click', async () => {
  $('copy').textContent = (await copied($('source'))) ? words.copied : words.selected
})
$('all').addEventListener('change', listDatasets)
$('search').addEventListener('input', (event) => { event.stopPropagation(); listColumns() })
$('add').addEventListener('click', addFilter)
$('key').addEventListener('change', (event) => { event.stopPropagation(); useKey($('key').value); void (schema === null ? begin() : changed()) })
$('cancel').addEventListener('click', async () => {
  const now = running
  if (now?.job) await ask(`jobs/${now.job}/cancel`, { method: 'POST' }).catch(() => undefined)
  else now?.stop.abort()
})
$('dataset').addEventListener('change', () => useDataset().catch((error) => lost(error, useDataset)))
$('form').addEventListener('input', (event) => { if (!['dataset', 'search', 'all'].includes(event.target.id)) changed() })
$('form').addEventListener('submit', (event) => { event.preventDefault(); if (running === null && schema !== null) void run() })
addEventListener('online', () => void check())

useLanguage(keptLanguage.get() ?? (navigator.language.startsWith('en') ? 'en' : 'pt'))
void begin()
