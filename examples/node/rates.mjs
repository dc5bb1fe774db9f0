// Taxas: mortalidade bruta e padronizada por município, e mortalidade infantil.  node rates.mjs [pasta [populacao.csv]]

import { mkdtemp, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { col, exampleData, NotFound, open } from 'datasus'

const temporaria = () => mkdtemp(path.join(os.tmpdir(), 'datasus-'))

/** Uma população inventada, no formato do IBGE-POPSVS; com arquivos do ministério na pasta não é preciso. */
async function populacaoFicticia() {
  const pesos = { 120040: 50, 120020: 12, 120050: 6, 120060: 5, 120010: 3, 140010: 60, 140047: 6, 140020: 4, 140005: 3 }
  const linhas = ['COD_MUN,ANO,SEXO,IDADE,POP']
  for (const [municipio, peso] of Object.entries(pesos)) {
    for (const sexo of ['1', '2']) {
      for (let idade = 0; idade <= 80; idade++) linhas.push(`${municipio},2022,${sexo},${idade},${peso * (85 - idade)}`)
    }
  }
  const arquivo = path.join(await temporaria(), 'populacao.csv')
  await writeFile(arquivo, `${linhas.join('\n')}\n`)
  return arquivo
}

const pasta = process.argv[2] ?? (await temporaria())
if (process.argv[2] === undefined) await exampleData(pasta)
const cliente = await open({ source: pasta, declared: { 'IBGE-POPSVS': [process.argv[3] ?? (await populacaoFicticia())] } })

// Óbitos fetais estão no mesmo arquivo, e não são da mortalidade geral.
const obitos = { dataset: 'SIM-DO', uf: 'AC', competencia: 2022, where: col('TIPOBITO').eq('2') }
const { rows } = await cliente.rates(obitos)
for (const { municipio, events, crude, standardised } of rows) {
  console.log(`${municipio}: ${events} óbitos, ${crude.toFixed(1)} por 100 mil; padronizada ${standardised?.toFixed(1)}`)
}

// O denominador da mortalidade infantil são os nascidos vivos.
const menores = { dataset: 'SIM-DO', uf: 'AC', competencia: 2022, where: col('obito_infantil').eq(1) }
const infantil = await cliente.rates(menores, { population: { dataset: 'SINASC-DN' }, per: 1000 })
for (const { municipio, events, population, crude } of infantil.rows) {
  console.log(`${municipio}: ${events} de ${population} nascidos, ${crude.toFixed(1)} por mil`)
}

// Sem população não há taxa, e nunca 0.
try {
  await cliente.rates({ dataset: 'SIM-DO', competencia: 2022 }, { population: { dataset: 'IBGE-POPSVS', competencia: '2021' } })
} catch (erro) {
  if (!(erro instanceof NotFound)) throw erro
  console.log(erro.code)
}
