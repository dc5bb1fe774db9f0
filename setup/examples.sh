#!/usr/bin/env bash
# What tests examples/gateway-fastapi and examples/monitoring, beside the package's wheel: a Python with pinned tools, packages of npm, Chromium
# with its driver (Debian's). Prints the folder in the cache; there are `bin/python` and `node_modules`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
python=${DATASUS_PYTHON:-python3}
tests="$root/examples/gateway-fastapi/tests"
pins=$(cat "$tests"/{requirements.txt,package-lock.json} <("$python" -c 'import sys; print(sys.base_prefix, sys.version)') | sha256sum | cut -c1-12)
place="$cache/examples-$pins"
. "$root/setup/alone.sh"
alone "$place"
if [ ! -f "$place/ready" ]; then
  echo "examples: installing the pinned tools" >&2
  rm -rf "$place"
  "$python" -m venv "$place"
  "$place/bin/pip" install --quiet --disable-pip-version-check -r "$tests/requirements.txt" >&2
  cp "$tests"/{package.json,package-lock.json} "$place/"
  (cd "$place" && npm ci --silent --ignore-scripts) >&2
  touch "$place/ready"
fi
if ! command -v chromedriver > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  echo "examples: installing Debian's Chromium" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends chromium chromium-driver > /dev/null 2>&1 || echo "examples: no Chromium here; the page is not tested" >&2
fi
echo "$place"
