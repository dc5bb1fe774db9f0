/** Batches of the addon as record batches of apache-arrow, over the same memory. */

import type * as Arrow from 'apache-arrow'

import { invalid, notFound, type Language } from './errors'
import type { Handed } from './native'

/** Gives the application's own apache-arrow, in the form (ESM or CommonJS) in which it asked for us. */
export type LoadArrow = () => Promise<typeof Arrow>

/** The application's apache-arrow, or an error that says what to install. */
export async function loaded(load: LoadArrow, language: Language): Promise<typeof Arrow> {
  try {
    return await load()
  } catch (cause) {
    const words = {
      pt: 'Tabelas e lotes do Arrow precisam do pacote apache-arrow 21; instale-o: npm install apache-arrow@21',
      en: 'Arrow tables and batches need the package apache-arrow 21; install it: npm install apache-arrow@21',
    }
    throw notFound(words, language, cause)
  }
}

/** Puts the buffers of one schema's batches together. */
export class Builder {
  readonly schema: Arrow.Schema

  constructor(
    private readonly arrow: typeof Arrow,
    schema: Uint8Array,
    private readonly language: Language,
  ) {
    this.schema = arrow.tableFromIPC(schema).schema
  }

  batch(handed: Handed): Arrow.RecordBatch {
    const reader = new Reader(this.arrow, handed, this.language)
    const children = this.schema.fields.map((field) => reader.data(field.type))
    const type = new this.arrow.Struct(this.schema.fields)
    const data = this.arrow.makeData({ type, length: handed.rows, nullCount: 0, children })
    return new this.arrow.RecordBatch(this.schema, data)
  }
}

/** Takes arrays and buffers in the addon's order: each array before its children. */
class Reader {
  #array = 0
  #buffer = 0

  constructor(
    private readonly arrow: typeof Arrow,
    private readonly handed: Handed,
    private readonly language: Language,
  ) {}

  data(type: Arrow.DataType): Arrow.Data {
    const { DataType } = this.arrow
    const [length = 0, nullCount = 0, count = 0] = this.handed.arrays.slice(this.#array, this.#array + 3)
    this.#array += 3
    const [validity, ...buffers] = this.handed.buffers.slice(this.#buffer, this.#buffer + 1 + count)
    this.#buffer += 1 + count
    const own = { length, nullCount, nullBitmap: validity == null ? null : new Uint8Array(validity) }
    const bytes = (place: number): ArrayBuffer => buffers[place] ?? new ArrayBuffer(0)
    const props: Record<string, unknown> = { type, ...own }

    if (DataType.isDictionary(type)) {
      props['data'] = view(type.indices.ArrayType as TypedArray, bytes(0), length)
      props['dictionary'] = this.arrow.makeVector(this.data(type.dictionary))
    } else if (DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) {
      props['valueOffsets'] = offsets(DataType.isLargeUtf8(type) || DataType.isLargeBinary(type), bytes(0), length)
      props['data'] = new Uint8Array(bytes(1))
    } else if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
      props['views'] = new Uint8Array(bytes(0), 0, length * 16)
      props['variadicBuffers'] = buffers.slice(1).map((buffer) => new Uint8Array(buffer ?? new ArrayBuffer(0)))
    } else if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
      props['valueOffsets'] = offsets(DataType.isLargeList(type), bytes(0), length)
      props['child'] = this.data(type.children[0]!.type)
    } else if (DataType.isFixedSizeList(type)) {
      props['child'] = this.data(type.children[0]!.type)
    } else if (DataType.isStruct(type)) {
      props['children'] = type.children.map((field) => this.data(field.type))
    } else if (DataType.isUnion(type)) {
      const words = {
        pt: `Colunas do tipo ${String(type)} não passam ao apache-arrow; converta-as na consulta`,
        en: `Columns of type ${String(type)} cannot be handed to apache-arrow; cast them in the query`,
      }
      throw invalid(words, this.language, { received: String(type) })
    } else if (DataType.isBool(type)) {
      props['data'] = new Uint8Array(bytes(0))
    } else if (!DataType.isNull(type)) {
      // `stride` numbers make a value: four for a decimal of 128 bits, as many bytes as it has for a fixed-size binary.
      props['data'] = view(type.ArrayType as TypedArray, bytes(0), length * this.#stride(type))
    }
    return this.arrow.makeData(props as never)
  }

  /** Numbers that make one value. */
  #stride(type: Arrow.DataType): number {
    const { DataType, IntervalUnit } = this.arrow
    if (DataType.isDecimal(type)) return type.bitWidth / 32
    if (DataType.isFixedSizeBinary(type)) return type.byteWidth
    if (DataType.isInterval(type)) return type.unit === IntervalUnit.MONTH_DAY_NANO ? 4 : 1 + type.unit
    return 1
  }
}

type TypedArray = new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView

function view(kind: TypedArray, buffer: ArrayBuffer, length: number): ArrayBufferView {
  return new kind(buffer, 0, length)
}

/** An array without rows may have no offsets at all. */
function offsets(large: boolean, buffer: ArrayBuffer, length: number): Int32Array | BigInt64Array {
  if (buffer.byteLength === 0) return large ? new BigInt64Array(1) : new Int32Array(1)
  return large ? new BigInt64Array(buffer, 0, length + 1) : new Int32Array(buffer, 0, length + 1)
}
