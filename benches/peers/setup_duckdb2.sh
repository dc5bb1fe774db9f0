#!/usr/bin/env bash
# The newest DuckDB 2 in a venv of its own (first argument: its folder), for information. Prints its version.
set -euo pipefail
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -f "$venv/made" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  pyarrow=$(grep '^pyarrow==' "$here/requirements.txt")
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'duckdb>=2' "$pyarrow" >&2
  touch "$venv/made"
fi
"$venv/bin/python" -c 'import duckdb; print(duckdb.__version__)'
