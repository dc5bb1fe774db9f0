#!/usr/bin/env bash
# Prometheus' server, for the tests' own (they start it themselves, on loopback and a free port), in the cache; prints nothing but its path. Out
# of Debian's package, which is not installed: that would start a service.
set -euo pipefail
if [ -n "${DATASUS_PROMETHEUS:-}" ]; then
  echo "$DATASUS_PROMETHEUS"
  exit 0
fi
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
if command -v prometheus; then exit 0; fi
program="$cache/prometheus/usr/bin/prometheus"
if [ ! -x "$program" ]; then
  command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || {
    echo "prometheus: the tests need its server. Set DATASUS_PROMETHEUS to the program" >&2
    exit 1
  }
  echo "prometheus: fetching Debian's" >&2
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  cd "$place"
  apt-get download -qq prometheus > /dev/null 2>&1 || { apt-get update -qq && apt-get download -qq prometheus; } > /dev/null 2>&1
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/prometheus
  mkdir -p "$(dirname "$program")"
  mv usr/bin/prometheus "$program.$$"
  mv "$program.$$" "$program"
fi
echo "$program"
