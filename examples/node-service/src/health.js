/** `GET /health` for the orchestrator, `GET /metrics` for Prometheus. */

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {{ client: import('datasus').Client, answers: import('./answers.js').Answers }} options
 */
export async function health(app, { client, answers }) {
  // Alive as long as it answers; ready until it is told to stop, but for the time in which a new answer would wait for memory.
  app.get('/health', { logLevel: 'warn' }, async (_request, reply) => {
    const memory = client.mode
    const ready = !answers.closing && memory !== 'emergency'
    return reply.code(ready ? 200 : 503).send({ live: true, ready, memory, answers: answers.size })
  })

  app.get('/metrics', { logLevel: 'warn' }, async (_request, reply) => {
    const { rss, heapUsed, external } = process.memoryUsage()
    const own = [
      gauge('service_open_answers', 'Answers that are being streamed.', answers.size),
      gauge('process_resident_memory_bytes', 'Resident memory of the process.', rss),
      gauge('nodejs_heap_used_bytes', "Memory of JavaScript's own objects.", heapUsed),
      gauge('nodejs_external_memory_bytes', 'Memory outside of the heap that JavaScript holds.', external),
    ]
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(client.metrics() + own.join(''))
  })
}

/** @param {string} name @param {string} help @param {number} value */
const gauge = (name, help, value) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`
