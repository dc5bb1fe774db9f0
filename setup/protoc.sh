#!/usr/bin/env bash
# `protoc`, which setup/spark-connect.sh takes, and no build: Spark Connect's messages are written from Apache's own descriptions. From Debian,
# where Google's own descriptions, which those import, are a package of their own.
set -euo pipefail

if [ -n "${PROTOC:-}" ]; then
  echo "protoc: your own, $PROTOC"
  exit 0
fi
# Looks for what prost looks for.
whole() (
  command -v protoc > /dev/null || exit 1
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  cd "$place"
  echo 'syntax = "proto3"; import "google/protobuf/any.proto"; message M { google.protobuf.Any any = 1; }' > m.proto
  protoc -o /dev/null m.proto 2> /dev/null
)
if ! whole; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "protoc: setup/spark-connect.sh needs it. Install it (Debian: apt-get install protobuf-compiler libprotobuf-dev)," >&2
    echo "or set PROTOC to the program." >&2
    exit 1
  fi
  echo "protoc: installing Debian's"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends protobuf-compiler libprotobuf-dev > /dev/null
fi
echo "protoc: $(command -v protoc)"
