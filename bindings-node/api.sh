#!/usr/bin/env bash
# Writes the public types down as they are now, after bindings-node/build.sh.
set -euo pipefail
cd "$(dirname "$0")/dist"
for file in *.d.ts; do echo "// $file"; cat "$file"; done > ../api.txt
