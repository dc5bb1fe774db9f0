/** The same query in other languages. */

const text = (value) => JSON.stringify(value)

const python = (value, indent = '') => {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value !== 'object') return text(value)
  const deeper = `${indent}    `
  if (Array.isArray(value)) return `[${value.map((one) => python(one, indent)).join(', ')}]`
  const lines = Object.entries(value).map(([name, one]) => `${deeper}${text(name)}: ${python(one, deeper)},`)
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`
}

/** For a shell: nothing in single quotes but a single quote means anything. */
const quoted = (said) => `'${said.replaceAll("'", `'\\''`)}'`

export const inCode = {
  python: (query) => `import datasus\n\nclient = datasus.open("datasus://")\nresult = client.query(${python(query)})\nprint(result.to_pandas())`,
  javascript: (query) =>
    `import { open } from 'datasus'\n\nconst client = await open('datasus://')\nconst result = await client.query(${JSON.stringify(query, null, 2)})\nconsole.table(await result.toArray())`,
  /** The key itself stays in its field: code is shown, copied and kept in a shell's history. */
  curl: (query, base, keyed) =>
    `curl ${quoted(`${base}query`)} \\\n  -H 'Content-Type: application/json' -H 'Accept: text/csv' \\\n${keyed ? '  -H "X-API-Key: $GATEWAY_KEY" \\\n' : ''}  -d ${quoted(JSON.stringify(query))}`,
}
