/** Ours, from Node: a CSV stream into nothing. */

import { pipeline } from 'node:stream/promises'

import { open } from 'datasus'

import { answer, COLUMNS, given, since, ticking } from './job.mjs'
import { Sink } from './sink.mjs'

const ended = ticking()
const sink = new Sink()
const began = performance.now()
const client = await open(given.data)
const result = await client.query({ dataset: 'SIH-RD', columns: COLUMNS })
await pipeline(result.toReadable({ format: 'csv', lineEnding: 'lf' }), sink)
const seconds = since(began)
const lag = ended()
const { records_processed } = await result.report()
answer(seconds, records_processed, { bytes: sink.bytes, ...lag, ...sink.found() })
