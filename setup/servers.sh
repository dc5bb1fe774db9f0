#!/usr/bin/env bash
# A Python with the servers of `servers.txt`, in the cache; says where it is.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
python=${DATASUS_PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || {
  echo "servers: Python 3.10 or newer is needed; name one by DATASUS_PYTHON" >&2
  exit 1
}
# Found by this name: it changes with the pins.
venv="$cache/servers-$(sha256sum < "$root/setup/servers.txt" | cut -c1-12)"
. "$root/setup/alone.sh"
alone "$venv"
if [ ! -f "$venv/ready" ]; then
  echo "servers: installing the pinned servers"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/setup/servers.txt"
  touch "$venv/ready"
fi
echo "servers: $venv"
