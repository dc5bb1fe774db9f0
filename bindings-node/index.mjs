// The same classes as for CommonJS, and the application's apache-arrow in the form in which it imports it.
import datasus from './dist/index.js'

const arrow = () => import('apache-arrow')

export const open = (config) => datasus.openWith(arrow, config)
export const readDbc = (path, options) => datasus.readDbcWith(arrow, path, options)
export const {
  MEDIA_TYPES,
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
  allDatasets,
  col,
  csv,
  exampleData,
  onLog,
  openWith,
  parquet,
  postgres,
  readDbcWith,
} = datasus
