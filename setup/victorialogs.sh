#!/usr/bin/env bash
# A server that speaks Loki's push protocol, for the tests' own (they start it themselves, on loopback and a free port), in the cache; prints
# nothing but its path. Built by Go, in some two minutes, once.
set -euo pipefail
version=v1.52.1
if [ -n "${DATASUS_VICTORIALOGS:-}" ]; then
  echo "$DATASUS_VICTORIALOGS"
  exit 0
fi
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
place="$cache/victorialogs-$version"
if [ ! -x "$place/victoria-logs" ]; then
  go=${DATASUS_GO:-$(PATH="$PATH:/usr/local/go/bin" command -v go)} || {
    echo "victorialogs: Go is needed to build it; or set DATASUS_VICTORIALOGS to the program" >&2
    exit 1
  }
  echo "victorialogs: building $version" >&2
  mkdir -p "$place"
  GOBIN="$place" GOFLAGS=-mod=mod GOTOOLCHAIN=auto CGO_ENABLED=0 "$go" install -p 2 "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@$version" >&2
fi
echo "$place/victoria-logs"
