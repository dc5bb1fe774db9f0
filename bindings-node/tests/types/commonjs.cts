// Compiled in strict mode, not run: the same types through require().
import datasus = require('datasus')

export async function used(): Promise<number> {
  const client: datasus.Client = await datasus.open('.')
  const rows = await (await client.query({ dataset: 'SIH-RD' })).toArray({ decimals: 'number' })
  return rows.length
}
