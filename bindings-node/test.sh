#!/usr/bin/env bash
# Builds the packages, installs them into an empty folder elsewhere, and runs every test of the Node face from there:
# behaviour, types, the conformance cases, the examples and the service. Arguments go to `node --test`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
export DATASUS_PROFILE=dev
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
# Packages and folders are this run's own: several clones may share the target folder.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
tools=$("$root/setup/node.sh")
DATASUS_SPARK=$("$root/setup/spark.sh")

# What follows from the addon's macros is committed as they make it now; the core's own tests compare ts/contract.ts.
kept="$place/kept"
mkdir "$kept"
cp "$here/native.d.ts" "$kept/"
"$here/build.sh" --generate "$place/packages" > /dev/null
for file in native.d.ts; do
  diff -u "$kept/$(basename "$file")" "$here/$file" || {
    echo "node: $file was not what the core says (above); it is now: commit it" >&2
    exit 1
  }
done
# The public types, as a user's editor sees them.
diff -u "$here/api.txt" <(cd "$here/dist" && for file in *.d.ts; do echo "// $file"; cat "$file"; done) > "$place/api.diff" || {
  cat "$place/api.diff"
  echo "node: the public types changed (above); if they should, run: bindings-node/api.sh" >&2
  exit 1
}
size=$(stat -c %s "$place"/packages/datasus-linux-*.tgz)
echo "node: $(basename "$place"/packages/datasus-linux-*.tgz), $((size / 1000000)) MB"
[ "$size" -lt 45000000 ] || { echo "node: over 45 MB" >&2; exit 1; }

app="$place/app"
mkdir "$app"
cd "$app"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --offline --no-save "$place"/packages/*.tgz 2> /dev/null ||
  npm install --silent --no-audit --no-fund "$place"/packages/*.tgz
# The README's example, with nothing else installed.
node "$here/tests/readme_first.mjs" "$here/README.md"

# The tests' own tools lie beside what was installed here.
for other in fastify autocannon @duckdb @types/node; do
  [ -e "node_modules/$other" ] && continue
  mkdir -p "$(dirname "node_modules/$other")"
  ln -s "$tools/node_modules/$other" "node_modules/$other"
done
(cd "$root" && cp -r --parents bindings-node/tests examples/node examples/compose examples/node-service tests/conformance/node.mjs tests/ftp_server.py tests/free_port.py tests/spark_cluster.py tests/http_cases.json "$app")
"$tools/node_modules/.bin/tsc" --project bindings-node/tests/types/tsconfig.json
"$tools/node_modules/.bin/tsc" --project examples/node-service/tsconfig.json

(cd "$root" && cargo build --quiet --workspace --example made_files && "$CARGO_TARGET_DIR/debug/examples/made_files" "$place/made")
export DATASUS_SPARK DATASUS_MADE_FILES="$place/made" DATASUS_CASES="$root/tests/conformance/cases"
export DATASUS_REAL_DATA="${DATASUS_REAL_DATA:-$root/../shared/data/real}"
node --test --test-concurrency=1 --test-timeout=1200000 "$@" bindings-node/tests/*.test.mjs tests/conformance/node.mjs \
  examples/node/*.test.mjs examples/node-service/tests/*.test.js
# The same cases where the engine runs in processes of its own. A chosen test is chosen above.
[ $# -gt 0 ] || DATASUS_ISOLATION=all node --test --test-timeout=1200000 tests/conformance/node.mjs
# vitest and Jest are larger than all other tools together.
[ -z "${DATASUS_SOAK:-}" ] || bash "$here/tests/frameworks/run.sh" "$app"
