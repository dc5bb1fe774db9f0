// A service over a lake that a team shares: `node service.mjs <folder> <port>`, then GET /valor?uf=AC.
import http from 'node:http'

import { open } from 'datasus'

const SQL =
  'SELECT datasus_competencia AS competencia, count(*) AS internacoes, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1'

const client = await open({ source: process.argv[2], language: 'en' })
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const answer = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (url.pathname !== '/valor') return answer(404, { detail: 'GET /valor?uf=AC' })
  try {
    // A value from outside goes in as a parameter, where it is checked, and never into the SQL.
    const result = await client.query({ sql: SQL, uf: url.searchParams.get('uf') ?? 'AC' })
    answer(200, await result.toArray({ integers: 'number' }))
  } catch (error) {
    answer(error.code === 'DS-404' || error.code === 'DS-422' ? 400 : 503, error)
  }
})
server.listen(Number(process.argv[3]), '127.0.0.1', () => console.log(`listening on ${server.address().port}`))
