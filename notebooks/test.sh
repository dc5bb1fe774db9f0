#!/usr/bin/env bash
# Runs every notebook from its first cell to its last, with the python of PATH; the one that loads a database gets a
# PostgreSQL of its own: own data folder, free port, loopback only, stopped by pid however this ends, kill -9 included.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${DATASUS_POSTGRES_BIN:-}
if [ -z "$bin" ]; then
  bin=$(find /usr/lib/postgresql -path '*/bin/postgres' 2> /dev/null | sort -V | tail -n 1 | xargs -r dirname)
fi
[ -n "$bin" ] || {
  echo "notebooks: no PostgreSQL server programs: apt-get install postgresql, or set DATASUS_POSTGRES_BIN" >&2
  exit 1
}
place=$(mktemp -d)
chmod 755 "$place"

# PostgreSQL does not run as root; setpriv becomes the program, so that its pid is the server's.
as_postgres=()
mkdir "$place/server"
if [ "$(id -u)" = 0 ]; then
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
  chown postgres "$place/server"
fi
cd "$place/server"
password=$(python -c 'import secrets; print(secrets.token_hex(16))')
port=$(python "$here/../tests/free_port.py")
echo "$password" > "$place/server/password"
"${as_postgres[@]}" "$bin/initdb" -D "$place/server/data" -U postgres -A scram-sha-256 --no-sync -E UTF8 --locale C.UTF-8 \
  --pwfile "$place/server/password" > "$place/initdb.log" 2>&1 || { cat "$place/initdb.log" >&2; rm -rf "$place"; exit 1; }

# Descriptor 9 is the server's life line: when this script ends, its keeper stops the server and removes everything.
keep() {
  trap '' INT TERM
  "${as_postgres[@]}" "$bin/postgres" -D "$place/server/data" -c listen_addresses=127.0.0.1 -c port="$port" \
    -c unix_socket_directories="$place/server" -c fsync=off > "$place/server.log" 2>&1 &
  local server=$!
  read -r _ || true
  kill -INT "$server" 2> /dev/null || true
  wait "$server" 2> /dev/null || true
  rm -rf "$place"
}
exec 9> >(keep)
keeper=$!
trap 'exec 9>&-; wait "$keeper" || true' EXIT
answers() { PGPASSWORD=$password "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -qc 'SELECT 1' > /dev/null 2>&1; }
for _ in $(seq 1800); do answers && break || sleep 0.1; done
answers || { cat "$place/server.log" >&2; exit 1; }
export DATASUS_POSTGRES="postgres://postgres:$password@127.0.0.1:$port/postgres"

# Only made-up files, in a folder that goes with the server's. Without a backend of the caller's, the kernel keeps pictures.
unset DATASUS_SOURCE MPLBACKEND
export TMPDIR="$place/tmp" IPYTHONDIR="$place/ipython"
mkdir "$TMPDIR"
cd "$here"
# Two lots side by side: a kernel leaves a core idle while it starts.
run() { python -m pytest -q -p no:cacheprovider --nbmake --nbmake-timeout=300 "$@" 9>&-; }
run "$@" "$here"/[1-4]-*.ipynb > "$place/said" 2>&1 &
lot=$!
run "$@" "$here"/[5-9]-*.ipynb
wait "$lot" || { cat "$place/said" >&2; exit 1; }
tail -n 1 "$place/said"
# Who only looks at them sees the pictures too.
for notebook in "$here"/*.ipynb; do
  [ "$(grep -c 'plt\.show()' "$notebook")" = "$(grep -c '"image/png"' "$notebook")" ] || {
    echo "notebooks: $(basename "$notebook") has lost its pictures; run it with --overwrite" >&2
    exit 1
  }
done
