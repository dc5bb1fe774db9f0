#!/usr/bin/env bash
# The pinned tools that build and test the Node packages, in the cache, and bindings-node/node_modules as a link to them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}

node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2> /dev/null || {
  echo "node: Node.js 20 or newer is needed" >&2
  exit 1
}
pins=$(cat "$root/bindings-node/tools/package-lock.json" <(node --version) | sha256sum | cut -c1-12)
tools="$cache/node-$pins"
. "$root/setup/alone.sh"
alone "$tools"
if [ ! -f "$tools/ready" ]; then
  echo "node: installing the pinned tools" >&2
  rm -rf "$tools"
  mkdir -p "$tools"
  cp "$root"/bindings-node/tools/{package.json,package-lock.json,.npmrc} "$tools/"
  (cd "$tools" && npm ci --silent --ignore-scripts) >&2
  touch "$tools/ready"
fi
ln -sfn "$tools/node_modules" "$root/bindings-node/node_modules"
echo "$tools"
