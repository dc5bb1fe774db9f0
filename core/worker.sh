#!/usr/bin/env bash
# Builds datasus-worker, the engine alone, as a package brings it: worker.sh <face> <file> <rpath> <linker>...
# <face> is the crate of the library that it lies beside: whatever it is made of has been compiled for that one. <rpath> is the folder of
# libduckdb, seen from the program. Only the last link is its own; what Cargo links for itself is linked anew afterwards.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
face=$1 file=$(realpath -m "$2") rpath=$3
shift 3
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
linker="$CARGO_TARGET_DIR/.worker-linker"
cat > "$linker" << END
#!/bin/sh
for argument do
  shift
  case \$argument in -Wl,-rpath,*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec $(wanted "$@") "\$@" -Wl,-s '-Wl,-rpath,$rpath'
END
chmod +x "$linker"
forget() { rm -f "$CARGO_TARGET_DIR/$built"/datasus-worker* "$CARGO_TARGET_DIR/$built"/deps/datasus_worker-*; }
trap forget EXIT
forget
host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
(cd "$root" && env "CARGO_TARGET_${host}_LINKER=$linker" "${CARGO:-cargo}" build --profile "$profile" --quiet --locked \
  --package "$face" --package datasus --bin datasus-worker)
install -m 755 "$CARGO_TARGET_DIR/$built/datasus-worker" "$file"
