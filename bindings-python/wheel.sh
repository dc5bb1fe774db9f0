#!/usr/bin/env bash
# Builds the wheel, with datasus-worker, into the folder given (default: target/wheels). Linked by zig against glibc 2.28, so that it runs on every
# distribution since 2018; only the last link differs from Cargo's other builds of the profile (setup/profile.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/../setup/python.sh")
. "$here/../setup/profile.sh"
out=$(realpath -m "${1:-${CARGO_TARGET_DIR:-$here/../target}/wheels}")
export PATH="$venv/bin:$PATH"
mkdir -p "$out"
rm -f "$out"/datasus-*.whl
# maturin changes the library it finds in place; one that it has changed already it cannot take. One at a time, therefore.
target=${CARGO_TARGET_DIR:-$here/../target}
mkdir -p "$target"
if command -v flock > /dev/null; then
  exec 9> "$target/.wheel.lock"
  flock 9
fi
rm -rf "$target/maturin" "$target/$built"/lib_datasus.so "$target/$built"/deps/lib_datasus*.so
cd "$here"
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64 | Linux-aarch64)
    linker="$out/.zig-linker"
    printf '#!/bin/sh\nexec "%s/bin/maturin" zig cc -- -target %s-linux-gnu.2.28 "$@"\n' "$venv" "$(uname -m)" > "$linker"
    chmod +x "$linker"
    maturin build --profile "$profile" --quiet --locked --out "$out" --compatibility manylinux_2_28 -- -C "linker=$linker"
    python "$here/backend/datasus_wheel.py" "$out"/datasus-*.whl "$linker"
    ;;
  *) maturin build --profile "$profile" --quiet --locked --out "$out" ;;
esac
ls "$out"/datasus-*.whl
