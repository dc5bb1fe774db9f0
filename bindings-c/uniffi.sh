#!/usr/bin/env bash
# Builds the library with its control plane for UniFFI (and mimalloc, so that this runs too), generates Ruby, Python and Kotlin of it,
# and runs all three; Swift is generated only. uniffi.sh <folder> leaves library and sources there; without one nothing is left.
# They are kept out of git.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
tools=$("$root/setup/python.sh")
jars=$("$root/setup/kotlin.sh")
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
cargo=${CARGO:-cargo}
"$root/setup/c.sh" > /dev/null
place=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$place"' EXIT
mkdir -p "$place"
place=$(realpath "$place")
duckdb=${DUCKDB_LIB_DIR:-$(sed -n 's/^DUCKDB_LIB_DIR = "\(.*\)"/\1/p' "$root/.cargo/config.toml")}

(cd "$root" && "$cargo" build --quiet --locked --package datasus-c --features uniffi,mimalloc)
cp "$CARGO_TARGET_DIR/debug/libdatasus_c.so" "$place/libdatasus_c.so"
ln -sf "$duckdb/libduckdb.so" "$place/libduckdb.so"
(cd "$here/bindgen" && "$cargo" build --quiet --locked)
for language in ruby python kotlin swift; do
  (cd "$root" && "$CARGO_TARGET_DIR/debug/datasus-bindgen" generate --library "$place/libdatasus_c.so" --language "$language" \
    --no-format --out-dir "$place/$language" > "$place/said" 2>&1) || { cat "$place/said" >&2; exit 1; }
  [ -n "$(find "$place/$language" -type f)" ] || { echo "uniffi: nothing was generated for $language" >&2; exit 1; }
done
cp "$place"/libdatasus_c.so "$place/python/"
ln -sf "$duckdb/libduckdb.so" "$place/python/libduckdb.so"
cd "$place"
"$tools/bin/python" -c 'import ctypes, sys; assert ctypes.CDLL(sys.argv[1]).datasus_write_example_data(sys.argv[2].encode(), 50, None) == 0' \
  "$place/libdatasus_c.so" "$place/data"
# For real.
LD_LIBRARY_PATH="$place" timeout 600 ruby -I "$place/ruby" "$here/tests/control.rb" "$place/data"
PYTHONPATH="$place/python" timeout 600 "$tools/bin/python" "$here/tests/control.py" "$place/data"
path=$(printf '%s:' "$jars"/*.jar)
timeout 900 java -Xmx1g -cp "$path" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect -nowarn -jvm-target 17 -cp "$path" \
  -d "$place/classes" "$place/kotlin/uniffi/datasus_c/datasus_c.kt" "$here/tests/kotlin/control.kt"
# Arrow's Java asks for the first flag from Java 16 on.
LD_LIBRARY_PATH="$place" timeout 600 java -Xmx256m --add-opens=java.base/java.nio=ALL-UNNAMED "-Djna.library.path=$place" \
  -cp "$place/classes:$path" ControlKt "$place/data"
