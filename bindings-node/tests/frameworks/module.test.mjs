import * as datasus from 'datasus'

import cases from './cases.cjs'

cases(datasus)
