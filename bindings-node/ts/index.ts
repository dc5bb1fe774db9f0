/**
 * Brazil's public-health records (DATASUS), from the ministry's files to where you analyse them, inside your process.
 *
 * @packageDocumentation
 */

import { openWith, type Client, type Config } from './client'
import { native } from './native'
import { readDbcWith, type FileRecords, type ReadOptions } from './read_dbc'

// eslint-disable-next-line @typescript-eslint/no-require-imports
const arrow = async (): Promise<typeof import('apache-arrow')> => require('apache-arrow') as typeof import('apache-arrow')

/** Opens the ministry's server (`datasus://`) or a mirror of its tree, or a folder of DBC, DBF or Parquet files, or one file. */
export const open = (config?: Config | string | URL | readonly (string | URL)[]): Promise<Client> => openWith(arrow, config)

/** Reads one DBC or DBF file, straight to Arrow. */
export const readDbc = (path: string | URL, options?: ReadOptions): Promise<FileRecords> => readDbcWith(arrow, path, options)

/** Name and description of every dataset of the catalogue. */
export const allDatasets = (): { dataset: string; nome: string }[] => native.allDatasets()

export type { CallOptions, Client, Config, RatesOptions, SinkOptions, Source, SyncOptions } from './client'
export type * from './contract'
export {
  Cancelled,
  Conflict,
  CredentialsRefused,
  DamagedFile,
  DatasusError,
  DeadlinePassed,
  DiskFull,
  Forbidden,
  ForkError,
  InternalError,
  InvalidParams,
  NotFound,
  OutOfMemory,
  QueueFull,
  TooManyDeadLetters,
  TooManyRows,
  Unreachable,
  type Language,
} from './errors'
export { col, type Column, type Filter as Condition, type Value } from './filters'
export type { Job, JobEvent, Progress } from './job'
export { onLog, type Level } from './logger'
export type { ArrayOptions } from './objects'
export { csv, parquet, postgres, type Aggregates, type Conditions, type CsvOptions, type ParquetOptions, type PostgresOptions, type Query, type To, type Where } from './params'
export { profileRows, type ProfileRow } from './profile'
export { exampleData, type FileRecords, type ReadOptions } from './read_dbc'
export type * from './schema'
export type { TableRows } from './tables'
export { MEDIA_TYPES, type Result, type ResultColumn, type StreamFormat } from './result'
