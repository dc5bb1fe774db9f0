#!/usr/bin/env bash
# Builds datasus-worker, the engine alone, as a package brings it: worker.sh <file> <rpath> <linker>...
# <rpath> is the folder of libduckdb, seen from the program. Only the last link is its own: the core is the one that the library has.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
file=$(realpath -m "$1") rpath=$2
shift 2
profile=${DATASUS_PROFILE:-release}
case "$profile" in dev) built=debug ;; *) built=$profile ;; esac
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
mkdir -p "$CARGO_TARGET_DIR" "$(dirname "$file")"
# Several packages may be built at once.
if command -v flock > /dev/null; then
  exec 8> "$CARGO_TARGET_DIR/.worker.lock"
  flock 8
fi
wanted() { printf "'%s' " "$@"; }
# Cargo links anew where the linker is another one: its name says what it does.
linker="$CARGO_TARGET_DIR/.worker-linker-$(printf '%s ' "$rpath" "$@" | cksum | cut -d ' ' -f 1)"
cat > "$linker" << END
#!/bin/sh
for argument do
  shift
  case \$argument in -Wl,-rpath,*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec $(wanted "$@") "\$@" -Wl,-s '-Wl,-rpath,$rpath'
END
chmod +x "$linker"
(cd "$root" && "${CARGO:-cargo}" rustc --profile "$profile" --quiet --locked --package workspace-hack --bin packaged-worker -- \
  -C "linker=$linker")
install -m 755 "$CARGO_TARGET_DIR/$built/packaged-worker" "$file"
