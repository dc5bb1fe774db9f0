#!/usr/bin/env bash
# Prometheus' own check of its text, in the cache; prints nothing but its path, or nothing where it cannot be had. Out of Debian's
# package `prometheus`, whose server nobody here needs.
set -euo pipefail
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
if command -v promtool; then exit 0; fi
tool="$cache/promtool/usr/bin/promtool"
if [ ! -x "$tool" ]; then
  command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || exit 0
  echo "promtool: fetching Debian's" >&2
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  cd "$place"
  apt-get download -qq prometheus > /dev/null 2>&1 || { apt-get update -qq && apt-get download -qq prometheus; } > /dev/null 2>&1 || {
    echo "promtool: Debian's package \`prometheus\` cannot be had here" >&2
    exit 0
  }
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
  mkdir -p "$(dirname "$tool")"
  mv usr/bin/promtool "$tool.$$"
  mv "$tool.$$" "$tool"
fi
echo "$tool"
