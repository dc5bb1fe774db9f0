#!/usr/bin/env bash
# `protoc`, which building the core's feature `spark` takes: Spark Connect's messages are compiled from Apache's own descriptions. From Debian.
set -euo pipefail

if [ -n "${PROTOC:-}" ]; then
  echo "protoc: your own, $PROTOC"
  exit 0
fi
if ! command -v protoc > /dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "protoc: building the feature \`spark\` needs it. Install it (Debian: apt-get install protobuf-compiler)," >&2
    echo "or set PROTOC to the program." >&2
    exit 1
  fi
  echo "protoc: installing Debian's"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends protobuf-compiler > /dev/null
fi
echo "protoc: $(command -v protoc)"
