/** The service: its answers, its errors in its own words, and what becomes of a lost connection. */

export class Refused extends Error {
  constructor(status, form, retryAfter) {
    super(form.detail)
    Object.assign(this, { status, form, retryAfter })
  }
}
export class Lost extends Error {}

const base = new URL('.', document.baseURI).href
export const address = base
let key = ''
export const useKey = (given) => { key = given.trim() }
export const hasKey = () => key !== ''
let tongue = 'pt'
/** The language of the service's sentences, by its last answer. */
export const spoken = () => tongue

export async function ask(path, { method = 'GET', body, accept = 'application/json', signal } = {}) {
  const headers = { accept }
  if (key !== '') headers['x-api-key'] = key
  if (body !== undefined) headers['content-type'] = 'application/json'
  let response
  try {
    response = await fetch(base + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Lost(error.message)
  }
  tongue = response.headers.get('content-language')?.slice(0, 2) ?? tongue
  if (response.ok) return response
  const form = await response.json().catch(() => null)
  // What stands before the service, and cannot reach it.
  if (form === null || typeof form.error_code !== 'string') throw new Lost(String(response.status))
  throw new Refused(response.status, form, Number(response.headers.get('retry-after')) || null)
}

/** Each state of a job until its end; after a lost connection it goes on. */
export async function* follow(job, { signal, lost }) {
  while (!signal.aborted) {
    try {
      const response = await ask(`jobs/${job}/events`, { accept: 'text/event-stream', signal })
      lost(false)
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      let held = ''
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        held += value
        const events = held.split('\n\n')
        held = events.pop()
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)
          if (data === null) continue
          yield JSON.parse(data[1])
          if (/^event: end$/m.test(event)) return
        }
      }
    } catch (error) {
      if (signal.aborted || error instanceof Refused) throw error
      lost(true)
    }
    await new Promise((done) => { setTimeout(done, 1000) })
  }
}
