#!/usr/bin/env bash
# A Python with the pinned tools that build and test the wheel, in the cache; prints nothing but its folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
python=${DATASUS_PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || {
  echo "python: Python 3.10 or newer is needed; name one by DATASUS_PYTHON" >&2
  exit 1
}
pins=$(cat "$root/bindings-python/requirements.txt" <("$python" -c 'import sys; print(sys.executable, sys.version)') | sha256sum | cut -c1-12)
venv="$cache/python-$pins"
. "$root/setup/alone.sh"
alone "$venv"
if [ ! -f "$venv/ready" ]; then
  echo "python: installing the pinned tools" >&2
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/bindings-python/requirements.txt" >&2
  touch "$venv/ready"
fi
echo "$venv"
