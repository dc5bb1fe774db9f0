// Retomada: um processo morre no meio da carga; outro continua de onde ela parou.  node resume.mjs [pasta]
// Para um arquivo CSV, ou para uma tabela: DATASUS_POSTGRES=postgres://...

import { fork } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { csv, exampleData, open, postgres } from 'datasus'

const temporaria = () => mkdtemp(path.join(os.tmpdir(), 'datasus-'))
const [papel, ...pastas] = process.argv.slice(2)

const abrir = (pasta, saida) => open({ source: pasta, output: saida, state: path.join(saida, 'trabalhos') })

if (papel === 'carregar') {
  const cliente = await abrir(...pastas)
  const to = process.env.DATASUS_POSTGRES ? postgres('datasus_exemplo.retomada', { mode: 'replace' }) : csv('internacoes.csv')
  await cliente.export({ dataset: 'SIH-RD' }, { to, onEvent: ({ progress }) => process.send(progress.rows) })
} else {
  const pasta = papel ?? (await temporaria())
  if (papel === undefined) await exampleData(pasta, 100_000)
  const saida = await temporaria()

  const filho = fork(new URL(import.meta.url), ['carregar', pasta, saida])
  const fim = once(filho, 'exit')
  for await (const [linhas] of on(filho, 'message', { close: ['exit'] })) {
    if (linhas > 20_000) filho.kill('SIGKILL') // como se faltasse luz
  }
  const [codigo, sinal] = await fim
  console.log(`a carga terminou com ${sinal ?? codigo}`)

  const cliente = await abrir(pasta, saida)
  for (const { jobId, standing } of await cliente.jobs()) {
    console.log(jobId, standing)
    const relatorio = await (await cliente.resume(jobId)).report()
    console.log(`${relatorio.recordsProcessed} registros; já estavam:`, relatorio.resumedFrom, 'agora em', relatorio.storage)
  }
}
