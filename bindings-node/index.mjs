// The same classes as for CommonJS, and the application's apache-arrow in the form in which it imports it.
import client from './dist/client.js'
import datasus from './dist/index.js'
import file from './dist/read_dbc.js'

const arrow = () => import('apache-arrow')

export const open = (config) => client.openWith(arrow, config)
export const readDbc = (path, options) => file.readDbcWith(arrow, path, options)
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
  parquet,
  postgres,
  profileRows,
} = datasus
