#!/usr/bin/env bash
# The programs of a PostgreSQL server, for the tests' own (they start it themselves, on a free port). From Debian.
set -euo pipefail

has_programs() { compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null; }

if [ -n "${DATASUS_POSTGRES_BIN:-}" ]; then
  echo "postgresql: your own, in $DATASUS_POSTGRES_BIN"
  exit 0
fi
if ! has_programs; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "postgresql: the tests need a server's programs. Install them (Debian: apt-get install postgresql)," >&2
    echo "or set DATASUS_POSTGRES_BIN to the folder that holds initdb, postgres and psql." >&2
    exit 1
  fi
  echo "postgresql: installing Debian's"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Without the cluster that Debian would make and start on port 5432.
  apt-get install -y -qq postgresql-common > /dev/null
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/datasus-tests.conf
  apt-get install -y -qq postgresql > /dev/null
  rm -f /etc/postgresql-common/createcluster.d/datasus-tests.conf
  has_programs || { echo "postgresql: installed, but no programs in /usr/lib/postgresql/*/bin" >&2; exit 1; }
fi
echo "postgresql: $(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1)"
