#!/usr/bin/env bash
# A Redis server's program, for the tests' own (they start it themselves, on loopback and a free port). From Debian.
set -euo pipefail

if [ -n "${DATASUS_REDIS_SERVER:-}" ]; then
  echo "redis: your own, $DATASUS_REDIS_SERVER"
  exit 0
fi
if ! command -v redis-server > /dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "redis: the tests need a server's program. Install it (Debian: apt-get install redis-server)," >&2
    echo "or set DATASUS_REDIS_SERVER to the program." >&2
    exit 1
  fi
  echo "redis: installing Debian's"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Package redis-server would start a service. The same program is in this one; what it does it decides by the name that it is called by.
  apt-get install -y -qq --no-install-recommends redis-tools > /dev/null
  command -v redis-server > /dev/null || ln -sf "$(command -v redis-check-rdb)" /usr/local/bin/redis-server
fi
echo "redis: $(command -v redis-server)"
