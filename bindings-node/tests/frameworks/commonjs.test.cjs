require('./cases.cjs')(require('datasus'))
