#!/usr/bin/env bash
# Builds libdatasus and installs it with its header, libduckdb, datasus-worker, datasus.pc and the CMake package: install.sh <prefix>.
# DESTDIR is put before it, as packagers expect. The package can be moved afterwards.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
prefix=${1:?expected: install.sh <prefix>}
[ "$(uname -s)" = Linux ] || { echo "install: built and tested on Linux only" >&2; exit 1; }
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
. "$root/setup/profile.sh"
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
abi=${version%%.*}
duckdb=${DUCKDB_LIB_DIR:-$(sed -n 's/^DUCKDB_LIB_DIR = "\(.*\)"/\1/p' "$root/.cargo/config.toml")}

# rustc names the exported functions in a version script of its own, and there can be one only: ours takes its place.
mkdir -p "$target"
linker="$target/.datasus-linker"
cat > "$linker.$$" << END
#!/bin/sh
for argument do
  shift
  case \$argument in -Wl,--version-script=*) argument='-Wl,--version-script=$here/datasus.map' ;; esac
  set -- "\$@" "\$argument"
done
exec cc "\$@"
END
chmod +x "$linker.$$"
mv "$linker.$$" "$linker"
(cd "$root" && "${CARGO:-cargo}" rustc --profile "$profile" --quiet --locked --package datasus-c --lib --crate-type cdylib -- -C "linker=$linker")

to="${DESTDIR:-}$prefix"
install -d "$to/lib/pkgconfig" "$to/lib/cmake/datasus" "$to/include"
install -m 755 "$target/$built/libdatasus_c.so" "$to/lib/libdatasus.so.$version"
strip --strip-debug "$to/lib/libdatasus.so.$version"
ln -sf "libdatasus.so.$version" "$to/lib/libdatasus.so.$abi"
ln -sf "libdatasus.so.$abi" "$to/lib/libdatasus.so"
# Beside it, where its RUNPATH ($ORIGIN) looks first.
install -m 755 "$duckdb/libduckdb.so" "$to/lib/libduckdb.so"
# Where the library looks for it.
bash "$root/core/worker.sh" "$to/libexec/datasus/datasus-worker" '$ORIGIN/../../lib' cc
install -m 644 "$here/include/datasus.h" "$to/include/datasus.h"
for file in datasus.pc:lib/pkgconfig cmake/datasus-config.cmake:lib/cmake/datasus cmake/datasus-config-version.cmake:lib/cmake/datasus; do
  from=${file%%:*}
  sed -e "s/@VERSION@/$version/g" -e "s/@ABI@/$abi/g" -e "s/@MAJOR_MINOR@/${version%.*}/g" "$here/$from.in" \
    > "$to/${file#*:}/$(basename "$from")"
done
