#!/usr/bin/env bash
# DuckDB 2 in a folder of its own in the cache, for the tests that load it beside ours; prints nothing but the folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
tools=$("$root/setup/python.sh")
list="$root/bindings-python/requirements-duckdb2.txt"
pins=$(cat "$list" <("$tools/bin/python" -c 'import sys; print(sys.version)') | sha256sum | cut -c1-12)
folder="$cache/duckdb2-$pins"
. "$root/setup/alone.sh"
alone "$folder"
if [ ! -f "$folder/ready" ]; then
  echo "duckdb2: installing the pinned DuckDB 2" >&2
  rm -rf "$folder"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$folder" -r "$list" >&2
  touch "$folder/ready"
fi
echo "$folder"
