#!/usr/bin/env bash
# The installed package under vitest and Jest, which give tests an `Error`, `Object` and `Date` that are not the addon's. Takes the
# folder where the package is installed. `tests/realms.test.mjs` looks at the same with nothing but Node.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
place="$1/frameworks"
mkdir "$place"
cp "$here"/{package.json,package-lock.json,.npmrc,*.cjs,*.mjs} "$place/"
cd "$place"
npm ci --silent --ignore-scripts
for pool in vmThreads vmForks threads; do
  echo "node: vitest, pool $pool"
  npx --no-install vitest run --globals --pool "$pool"
done
echo "node: Jest, CommonJS"
npx --no-install jest --testMatch '**/commonjs.test.cjs'
echo "node: Jest, ESM"
NODE_OPTIONS=--experimental-vm-modules npx --no-install jest --testMatch '**/module.test.mjs'
