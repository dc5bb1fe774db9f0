/** What the page says: each text in Portuguese and in English, side by side. Messages about a query are the service's own. */

const TABLE = {
  skip: ['Ir para a resposta', 'Go to the answer'],
  title: ['Consulta ao DATASUS', 'Ask DATASUS'],
  key: ['Chave de API', 'API key'],
  keyHelp: ['Só se o serviço a pede; fica nesta aba', 'Only if the service asks for one; it stays in this tab'],
  lead: [
    'Escolha o dataset, o período e as colunas. Nada é amostrado, arredondado ou descartado em silêncio.',
    'Choose the dataset, the period and the columns. Nothing is sampled, rounded or dropped in silence.',
  ],
  language: ['Idioma', 'Language'],
  what: ['O quê', 'What'],
  dataset: ['Dataset', 'Dataset'],
  all: ['Mostrar também os que esta fonte não tem', 'Show those that this source does not have as well'],
  ufs: ['UFs (nenhuma marcada: todas)', 'UFs (none ticked: all)'],
  period: ['Competência (processamento, não o evento)', 'Competência (processing, not the event)'],
  periodYear: ['Ano', 'Year'],
  from: ['De', 'From'],
  to: ['Até', 'To'],
  shape: ['A resposta', 'The answer'],
  rows: ['Registros', 'Records'],
  figures: ['Totais por grupo', 'Totals by group'],
  columns: ['Colunas (nenhuma marcada: todas)', 'Columns (none ticked: all)'],
  chosen: [
    (n, all) => (n === 0 ? `todas as ${all} colunas dos arquivos` : n === 1 ? '1 escolhida' : `${n} escolhidas`),
    (n, all) => (n === 0 ? `all ${all} columns of the files` : `${n} chosen`),
  ],
  labels: ['Rótulos ao lado dos códigos', 'Labels beside their codes'],
  limit: ['No máximo tantas linhas (vazio: todas)', 'At most so many rows (empty: all)'],
  group: ['Agrupar por', 'Group by'],
  fn: ['Cálculo', 'Figure'],
  of: ['De', 'Of'],
  filters: ['Condições', 'Conditions'],
  add: ['Acrescentar condição', 'Add a condition'],
  remove: ['Retirar a condição', 'Remove the condition'],
  column: ['Coluna', 'Column'],
  op: ['Comparação', 'Comparison'],
  value: ['Valor', 'Value'],
  valueHelp: ['vários: separe por vírgula', 'several: with commas between'],
  run: ['Consultar', 'Ask'],
  cancel: ['Cancelar', 'Cancel'],
  answer: ['Resposta', 'Answer'],
  progress: ['Progresso', 'Progress'],
  empty: [
    'A resposta aparece aqui: as primeiras linhas com rótulos, um gráfico e o CSV inteiro.',
    'The answer comes here: the first rows with labels, a chart and the whole CSV.',
  ],
  code: ['A mesma consulta em código', 'The same query in code'],
  copy: ['Copiar', 'Copy'],
  copied: ['Copiado', 'Copied'],
  selected: ['Selecionado: Ctrl+C copia', 'Selected: Ctrl+C copies'],
  otherLanguage: ['Esta mensagem vem no idioma do serviço.', 'This message comes in the language of the service.'],
  api: ['A API', 'The API'],
  foot: [
    'Competência é o mês em que o ministério processou os registros; a data do evento está nas colunas.',
    'Competência is the month in which the ministry processed the records; the date of the event is in the columns.',
  ],
  label: ['rótulo', 'label'],
  derived: ['derivada', 'derived'],
  none: ['sem significado conhecido', 'no known meaning'],
  checking: ['Verificando…', 'Checking…'],
  csv: ['Baixar o CSV inteiro', 'Download the whole CSV'],
  ops: {
    eq: ['igual a', 'equal to'],
    ne: ['diferente de', 'other than'],
    gt: ['maior que', 'more than'],
    ge: ['a partir de', 'at least'],
    lt: ['menor que', 'less than'],
    le: ['até', 'at most'],
    in: ['um de', 'one of'],
    starts_with: ['começa com', 'begins with'],
    is_null: ['sem valor', 'without a value'],
    not_null: ['com valor', 'with a value'],
  },
  fns: {
    count: ['contagem de linhas', 'count of rows'],
    sum: ['soma', 'sum'],
    avg: ['média', 'average'],
    min: ['mínimo', 'minimum'],
    max: ['máximo', 'maximum'],
    count_distinct: ['valores distintos', 'distinct values'],
  },
  good: [
    (e) => `Consulta válida. Lê ${e.files.read} de ${many(e.files.present, 'arquivo', 'pt')}${e.bytes.read ? `, ${bytes(e.bytes.read, 'pt')}` : ''}${e.to_convert.length ? `; ${e.to_convert.length} a converter antes` : ''}.`,
    (e) => `The query is valid. It reads ${e.files.read} of ${many(e.files.present, 'file', 'en')}${e.bytes.read ? `, ${bytes(e.bytes.read, 'en')}` : ''}${e.to_convert.length ? `; ${e.to_convert.length} to be converted first` : ''}.`,
  ],
  later: ['Será um trabalho: a página mostra o andamento.', 'It will be a job: the page shows how far it has come.'],
  estimated: [
    ({ likely, low, high }, s) => `Cerca de ${many(likely, 'linha', 'pt')}${low < high ? ` (de ${number(low, 'pt')} a ${number(high, 'pt')})` : ''}, em cerca de ${number(s, 'pt')} s.`,
    ({ likely, low, high }, s) => `About ${many(likely, 'row', 'en')}${low < high ? ` (${number(low, 'en')} to ${number(high, 'en')})` : ''}, in about ${number(s, 'en')} s.`,
  ],
  running: ['Consultando…', 'Asking…'],
  phase: {
    waiting: ['à espera', 'waiting'],
    downloading: ['baixando', 'downloading'],
    converting: ['convertendo', 'converting'],
    running: ['calculando', 'computing'],
    loading: ['gravando', 'writing'],
  },
  job: [
    (r, phase) => `Trabalho ${r.job_id}: ${phase}, ${many(r.progress?.rows ?? 0, 'linha', 'pt')}`,
    (r, phase) => `Job ${r.job_id}: ${phase}, ${many(r.progress?.rows ?? 0, 'row', 'en')}`,
  ],
  done: [
    (rows, s) => `${many(rows, 'linha', 'pt')} em ${number(s, 'pt')} s.`,
    (rows, s) => `${many(rows, 'row', 'en')} in ${number(s, 'en')} s.`,
  ],
  first: [
    (n, all) => (n < all ? `Primeiras ${number(n, 'pt')} de ${many(all, 'linha', 'pt')}` : many(all, 'linha', 'pt')),
    (n, all) => (n < all ? `First ${number(n, 'en')} of ${many(all, 'row', 'en')}` : many(all, 'row', 'en')),
  ],
  limitReached: ['É o máximo pedido: pode haver mais.', 'That is the most that was asked for: there may be more.'],
  cancelled: ['Cancelado; nada ficou.', 'Cancelled; nothing was left.'],
  offline: [
    'Sem conexão com o serviço. Tento de novo sozinho; o que já foi pedido continua lá.',
    'No connection to the service. I try again by myself; what was asked goes on there.',
  ],
  unanswered: [
    'A conexão se perdeu antes da resposta. Nada foi guardado: consulte de novo.',
    'The connection was lost before the answer. Nothing was kept: ask again.',
  ],
  resume: ['Continuar de onde parou', 'Go on where it stopped'],
  limited: [(s) => `Pedidos demais. Tente de novo em ${s} s.`, (s) => `Too many requests. Try again in ${s} s.`],
  competencia: { month: ['Competência (mês, AAAAMM)', 'Competência (month, YYYYMM)'], year: ['Competência (ano)', 'Competência (year)'] },
  counted: ['Contagem (linhas)', 'Count (rows)'],
  figure: [
    (fn, column, counts) => `${fn} de ${column} (${counts ? 'valores' : 'na unidade da coluna'})`,
    (fn, column, counts) => `${fn} of ${column} (${counts ? 'values' : "in the column's unit"})`,
  ],
  chart: [(y, x) => `${y} por ${x}`, (y, x) => `${y} by ${x}`],
  undrawn: [
    'Sem gráfico: há grupos demais, ou grupos sem valor. A tabela e o CSV os têm.',
    'No chart: there are too many groups, or groups without a value. The table and the CSV have them.',
  ],
  gaps: [
    'Onde a linha se interrompe a resposta não tem registros.',
    'Where the line breaks the answer has no records.',
  ],
  nothing: ['Nenhuma linha atende à consulta.', 'No row meets the query.'],
  nulls: ['sem valor', 'no value'],
  sampled: ['AMOSTRA: só uma parte das linhas foi lida; nada é extrapolado.', 'SAMPLE: only a part of the rows was read; nothing is scaled.'],
  trace: [(t) => `Rastro: ${t}`, (t) => `Trace: ${t}`],
  unreadable: ['O serviço respondeu algo que a página não entende.', 'The service answered what the page does not understand.'],
}

const LANGUAGES = ['pt', 'en']
const inLanguage = (table, at) =>
  Object.fromEntries(Object.entries(table).map(([name, said]) => [name, Array.isArray(said) ? said[at] : inLanguage(said, at)]))

/** The texts of each language. */
export const TEXTS = Object.fromEntries(LANGUAGES.map((language, at) => [language, inLanguage(TABLE, at)]))

export const locale = (language) => (language === 'pt' ? 'pt-BR' : 'en')
export const number = (value, language) => new Intl.NumberFormat(locale(language), { maximumFractionDigits: 6 }).format(value)
const many = (count, noun, language) => `${number(count, language)} ${noun}${count === 1 ? '' : 's'}`
export const bytes = (value, language) => (value < 1e6 ? `${number(Math.ceil(value / 1e3), language)} kB` : `${number(Math.round(value / 1e5) / 10, language)} MB`)
