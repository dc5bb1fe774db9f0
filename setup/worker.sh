#!/usr/bin/env bash
# Builds `datasus-worker`, in which SQL runs that has a process of its own: worker.sh <file to write> [linker]. Names the library that it
# needs, and no folder: who starts it says where that lies.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?expected: worker.sh <file to write> [linker]}
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
. "$root/setup/profile.sh"
mkdir -p "$target" "$(dirname "$out")"
linker="$target/.worker-linker"
cat > "$linker.$$" << END
#!/bin/sh
for argument do
  shift
  case \$argument in -Wl,-rpath,*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec "${2:-cc}" "\$@"
END
chmod +x "$linker.$$"
mv "$linker.$$" "$linker"
# Cargo does not see by which linker another one of the profile was linked.
rm -f "$target/$built/datasus-worker" "$target/$built"/deps/datasus_worker-*
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
# With a face, so that Cargo takes the core that was compiled for that.
(cd "$root" && env "CARGO_TARGET_${triple}_LINKER=$linker" "${CARGO:-cargo}" build --profile "$profile" --quiet --locked \
  --package datasus --package datasus-c --bin datasus-worker)
install -m 755 "$target/$built/datasus-worker" "$out"
strip "$out"
