#!/usr/bin/env bash
# The jars that compile and run the control plane's Kotlin, in a folder of their own in the cache; prints nothing but the folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
list="$root/bindings-c/tests/kotlin/pom.xml"
folder="$cache/kotlin-$(sha256sum "$list" | cut -c1-12)"
. "$root/setup/alone.sh"
alone "$folder"
if [ ! -f "$folder/ready" ]; then
  echo "kotlin: installing the pinned jars" >&2
  rm -rf "$folder"
  mvn --quiet --batch-mode --file "$list" dependency:copy-dependencies "-DoutputDirectory=$folder" >&2
  touch "$folder/ready"
fi
echo "$folder"
