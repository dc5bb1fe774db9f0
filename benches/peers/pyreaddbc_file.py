"""pyreaddbc, file to file."""

import time

import pyreaddbc
from job import answer, arguments

given = arguments()
began = time.perf_counter()
pyreaddbc.dbc2dbf(given["file"], given["out"])
answer(time.perf_counter() - began, int(given["rows"]))
