#!/usr/bin/env bash
# Brings the prebuilt libduckdb (pinned in libduckdb.lock) and tells Cargo where it is.
# Idempotent: with the library in place it only checks its hash.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
version=1.5.5
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}

tell_cargo() {
  mkdir -p "$root/.cargo"
  local new
  # The Python extension leaves the interpreter's symbols open.
  new=$(printf '# Written by setup/libduckdb.sh.\n[env]\nDUCKDB_LIB_DIR = "%s"\nDUCKDB_INCLUDE_DIR = "%s"\nPYO3_BUILD_EXTENSION_MODULE = "1"\n' "$1" "$1")
  [ "$(cat "$root/.cargo/config.toml" 2>/dev/null || true)" = "$new" ] || printf '%s\n' "$new" > "$root/.cargo/config.toml"
}

if [ -n "${DUCKDB_LIB_DIR:-}" ]; then
  echo "libduckdb: your own, in $DUCKDB_LIB_DIR"
  tell_cargo "$DUCKDB_LIB_DIR"
  exit 0
fi

platform="$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"
read -r _ package integrity sha256 < <(grep "^$platform " "$here/libduckdb.lock" || true) || true
if [ -z "${package:-}" ]; then
  echo "libduckdb: no prebuilt library is pinned for $platform." >&2
  echo "Either set DUCKDB_LIB_DIR to the folder of a libduckdb $version of your own, or build with" >&2
  echo "'cargo build --features bundled', which compiles DuckDB (over 30 minutes on 2 cores)." >&2
  exit 1
fi

folder="$cache/libduckdb-$version"
library="$folder/libduckdb.so"
is_right() { [ -f "$library" ] && [ "$(sha256sum "$library" | cut -d' ' -f1)" = "$sha256" ]; }

if ! is_right; then
  command -v npm > /dev/null || { echo "libduckdb: npm is needed to fetch $package; install Node.js 20" >&2; exit 1; }
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "libduckdb: fetching $package"
  (cd "$work" && npm pack --silent "$package" > /dev/null)
  tarball=$(find "$work" -name '*.tgz' | head -n 1)
  found="sha512-$(sha512sum "$tarball" | cut -d' ' -f1 | node -e 'process.stdin.on("data", (hex) => process.stdout.write(Buffer.from(String(hex).trim(), "hex").toString("base64")))')"
  if [ "$found" != "$integrity" ]; then
    echo "libduckdb: $package has integrity $found, expected $integrity; nothing was installed" >&2
    exit 1
  fi
  tar -xzf "$tarball" -C "$work" package/libduckdb.so
  mkdir -p "$folder"
  mv "$work/package/libduckdb.so" "$library"
  is_right || { echo "libduckdb: $library does not have the pinned SHA-256" >&2; exit 1; }
fi
tell_cargo "$folder"
echo "libduckdb: $version in $folder"
