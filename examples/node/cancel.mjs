// Cancelamento: por prazo, por AbortSignal, e o andamento enquanto isso.  node cancel.mjs [pasta]

import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { Cancelled, DeadlinePassed, exampleData, open, parquet } from 'datasus'

const temporaria = () => mkdtemp(path.join(os.tmpdir(), 'datasus-'))
const pasta = process.argv[2] ?? (await temporaria())
if (process.argv[2] === undefined) await exampleData(pasta, 20_000)
const cliente = await open({ source: pasta, output: await temporaria() })
const sql = 'SELECT a.N_AIH, b.N_AIH AS outra FROM sih_rd a JOIN sih_rd b ON a.SEXO = b.SEXO'
const to = parquet('pares.parquet')

try {
  await cliente.export({ sql, options: { deadline: 0.5 } }, { to })
} catch (erro) {
  if (!(erro instanceof DeadlinePassed)) throw erro
  console.log(erro.message)
}

// O sinal de um pedido HTTP, de um prazo (AbortSignal.timeout), de um botão: o trabalho termina em até 100 ms.
const controle = new AbortController()
const trabalho = await cliente.submit({ sql }, { to, signal: controle.signal })
for await (const { status } of trabalho) {
  console.log(status)
  if (status === 'running') controle.abort(new Error('o usuário desistiu'))
}
try {
  await trabalho.report()
} catch (erro) {
  if (!(erro instanceof Cancelled)) throw erro
  console.log(`${erro.code}: ${erro.cause.message}`) // e nada fica pela metade
}
