"""The server's own limit: ready binary COPY files by psql, one connection a file."""

import subprocess
import sys
import time

from job import answer, arguments, table

given = arguments()
psql = [given["psql"], "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", given["url"]]
began = time.perf_counter()
subprocess.run([*psql, "-c", table(given["table"])], check=True)
copies = []
for file in given["files"].split(","):
    copy = f"\\copy {given['table']} FROM '{file}' WITH (FORMAT binary)"
    copies.append(subprocess.Popen([*psql, "-c", copy]))
if any(copy.wait() for copy in copies):
    sys.exit("a psql failed")
answer(time.perf_counter() - began, int(given["rows"]))
