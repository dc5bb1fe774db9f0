// What people pass by mistake, and what they may pass: each with the JSON that it stands for, or none.
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'

class Pessoa {
  SEXO = '3'
}

class ComJson {
  toJSON() {
    return { SEXO: '3' }
  }
}

function* gerador() {
  yield '3'
}

const revogado = Proxy.revocable({}, {})
revogado.revoke()
const circular = {}
circular.dentro = circular
const emVolta = []
emVolta.push(emVolta)
const rejeitada = Promise.reject(new Error('nobody waits for it'))
rejeitada.catch(() => undefined)

/** A getter throws. */
const queCai = { get SEXO() { throw new TypeError('boom') } }

/** Stands for nothing: refused by name wherever a value is due. */
export const REFUSED = {
  'a function': () => 'AC',
  'an async function': async () => 'AC',
  'a generator function': gerador,
  'a class': Pessoa,
  'a Promise': Promise.resolve({ SEXO: '3' }),
  'a rejected Promise': rejeitada,
  'a thenable': { then(resolve) { resolve({ SEXO: '3' }) } },
  'a symbol': Symbol('SEXO'),
  'a boxed symbol': Object(Symbol('SEXO')),
  'a Map': new Map([['SEXO', '3']]),
  'an empty Map': new Map(),
  'a WeakMap': new WeakMap(),
  'a WeakSet': new WeakSet(),
  'a class instance': new Pessoa(),
  'an instance with toJSON': new ComJson(),
  'an object with toJSON': { SEXO: '3', toJSON: () => ({}) },
  'an object that inherits': Object.create({ SEXO: '3' }),
  'an object with a prototype of its own': { __proto__: { SEXO: '3' } },
  'an async generator': (async function* () { yield '3' })(),
  'a URL of http': new URL('http://exemplo/SEXO'),
  'URLSearchParams': new URLSearchParams({ SEXO: '3' }),
  'Headers': new Headers({ SEXO: '3' }),
  'a Blob': new Blob(['3']),
  'an Error': new Error('SEXO'),
  'a RegExp': /3/,
  'a Buffer': Buffer.from('3'),
  'a Uint8Array': Uint8Array.of(51),
  'an ArrayBuffer': new ArrayBuffer(1),
  'a DataView': new DataView(new ArrayBuffer(1)),
  'a SharedArrayBuffer': new SharedArrayBuffer(1),
  'an EventEmitter': new EventEmitter(),
  'a stream': Readable.from(['3']),
  'an AbortController': new AbortController(),
  'Intl': new Intl.NumberFormat('pt-BR'),
  'NaN': NaN,
  'a boxed NaN': Object(NaN),
  'Infinity': Infinity,
  '-Infinity': -Infinity,
  'an integer beyond 2^53': 2 ** 53,
  '1e300': 1e300,
  'an invalid Date': new Date(NaN),
  'a moment': new Date(Date.UTC(2024, 0, 31, 12, 34, 56)),
  'a revoked Proxy': revogado.proxy,
  'a Proxy that throws': new Proxy({}, { ownKeys() { throw new Error('boom') } }),
  'a Proxy of a function': new Proxy(() => 'AC', {}),
  'a getter that throws': queCai,
  'a key that is a symbol': { [Symbol('SEXO')]: '3' },
  'a key that is not enumerable': Object.defineProperty({}, 'SEXO', { value: '3' }),
  'a circle': circular,
  'a list in itself': emVolta,
  'a list with a hole': [, '3'],
  'a long list of nothing': new Array(2 ** 32 - 1),
  'a list with undefined': ['3', undefined],
  'a list with a function': ['3', () => '1'],
  'a list with a Promise': [Promise.resolve('3')],
  'an object with undefined': { SEXO: undefined },
  'an object with a function': { SEXO: () => '3' },
  'half a character': '3\ud800',
  'arguments': (function () { return arguments })('3'),
  'Math': Math,
}

/** Stands for the JSON beside it: taken as that, or refused. */
export const TAKEN = {
  'null': [null, null],
  'true': [true, true],
  'false': [false, false],
  'text': ['3', '3'],
  'empty text': ['', ''],
  'blank text': [' ', ' '],
  'the name of a dataset': ['SIH-RD', 'SIH-RD'],
  'the name of a column': ['SEXO', 'SEXO'],
  'a sigla': ['AC', 'AC'],
  'a month': ['202401', '202401'],
  'a range of months': [{ from: '202401', to: '202402' }, { from: '202401', to: '202402' }],
  'an injection': ["' OR 1=1 --", "' OR 1=1 --"],
  'text with NUL': ['3\0', '3\0'],
  'text of another plane': ['\u{1f489}', '\u{1f489}'],
  'long text': ['3'.repeat(5000), '3'.repeat(5000)],
  'a condition of a text': ['SEXO = 3', 'SEXO = 3'],
  'zero': [0, 0],
  'minus zero': [-0, 0],
  'three': [3, 3],
  'minus one': [-1, -1],
  'a fraction': [1.5, 1.5],
  'a sum of fractions': [0.1 + 0.2, 0.1 + 0.2],
  'a BigInt': [3n, 3n],
  'a large BigInt': [10n ** 30n, 10n ** 30n],
  'a boxed text': [Object('3'), '3'],
  'a boxed number': [Object(3), 3],
  'a boxed BigInt': [Object(3n), 3n],
  'a boxed boolean': [Object(true), true],
  'an empty list': [[], []],
  'a list': [['3'], ['3']],
  'a frozen list': [Object.freeze(['AC', 'RR']), ['AC', 'RR']],
  'a list of its own class': [class extends Array {}.of('3'), ['3']],
  'a nested list': [[['3']], [['3']]],
  'a list with null': [['3', null], ['3', null]],
  'a list of two kinds': [['3', 3], ['3', 3]],
  'a Set': [new Set(['3', '1']), ['3', '1']],
  'an empty Set': [new Set(), []],
  'an Int32Array': [Int32Array.of(3, 4), [3, 4]],
  'a Float64Array': [Float64Array.of(1.5), [1.5]],
  'a BigInt64Array': [BigInt64Array.of(3n), [3n]],
  'an empty object': [{}, {}],
  'an object without a prototype': [Object.assign(Object.create(null), { SEXO: '3' }), { SEXO: '3' }],
  'an object of another realm': [runInNewContext('({ SEXO: "3" })'), { SEXO: '3' }],
  'a list of another realm': [runInNewContext('["3"]'), ['3']],
  'a Proxy': [new Proxy({ SEXO: '3' }, {}), { SEXO: '3' }],
  'a getter': [{ get SEXO() { return '3' } }, { SEXO: '3' }],
  'an unknown key': [{ SEXXO: '3' }, { SEXXO: '3' }],
  'a key of a prototype': [JSON.parse('{ "__proto__": "3" }'), JSON.parse('{ "__proto__": "3" }')],
  'a condition': [{ column: 'SEXO', op: 'eq', value: '3' }, { column: 'SEXO', op: 'eq', value: '3' }],
  'a list of conditions': [[{ SEXO: '3' }, { IDADE: 30 }], [{ SEXO: '3' }, { IDADE: 30 }]],
  'a day': [new Date(Date.UTC(2024, 0, 31)), '2024-01-31'],
  'a day of here': [new Date(2024, 0, 31), '2024-01-31'],
  'a day of another realm': [runInNewContext('new Date(Date.UTC(2024, 0, 31))'), '2024-01-31'],
}

/** The contract's JSON of what such a value stands for, written here once more. */
export function json(of) {
  if (typeof of === 'bigint') return String(of)
  if (of === null || typeof of !== 'object') return JSON.stringify(of)
  if (Array.isArray(of)) return `[${of.map(json)}]`
  return `{${Object.keys(of).map((key) => `${JSON.stringify(key)}: ${json(of[key])}`)}}`
}
