#!/usr/bin/env bash
# Builds the source package into the folder given, and a wheel out of it as pip does for a user. It is unpacked away from the
# sources, always in the same place, so that Cargo's leftovers of one run are the next one's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/../setup/python.sh")
. "$here/../setup/profile.sh"
out=$(realpath -m "$1")
target=$(realpath -m "${CARGO_TARGET_DIR:-$here/../target}")
export PATH="$venv/bin:$PATH" CARGO_TARGET_DIR="$target"
mkdir -p "$out" "$target"
# The same lock as wheel.sh's: both end in the same library.
if command -v flock > /dev/null; then
  exec 9> "$target/.wheel.lock"
  flock 9
fi
rm -rf "$out"/datasus-* "$target/sdist" "$target/maturin" "$target/$built"/lib_datasus.so "$target/$built"/deps/lib_datasus*.so
mkdir "$target/sdist"
(cd "$here" && maturin sdist --out "$out" >&2)
tar -xzf "$out"/datasus-*.tar.gz -C "$target/sdist" --strip-components=1
# No .cargo of ours there: what the README says must do.
export DUCKDB_LIB_DIR=${DUCKDB_LIB_DIR:-$(sed -n 's/^DUCKDB_LIB_DIR = "\(.*\)"$/\1/p' "$here/../.cargo/config.toml")}
export MATURIN_PEP517_ARGS="--profile $profile --compatibility pypi"
cd "$out"
pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$out" "$target/sdist"
rm -rf "$target/sdist"
ls "$out"/datasus-*.whl
