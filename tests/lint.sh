#!/usr/bin/env bash
# Every linter of every language, from a clean clone: it installs what it needs and builds nothing that the tests build again. What is
# linted with a built package at hand (stubs against the module, the public types) is in the faces' own tests.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cargo=${CARGO:-cargo}
go=${DATASUS_GO:-$(PATH="$PATH:/usr/local/go/bin" command -v go)}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
step() { echo "lint: $1 ($SECONDS s)"; }

step "rustfmt"
"$cargo" fmt --all --check
python=$(setup/python.sh)
export PATH="$python/bin:$PATH"
step "crates: licences, bans, duplicates"
python tests/dependencies.py
step "versions"
python setup/version.py
step "ruff"
sources=(python tests backend ../examples/python ../examples/compose ../examples/gateway-fastapi ../examples/monitoring ../tests ../setup ../core/labels ../bindings-c/tests ../benches)
(cd bindings-python && ruff check --quiet --config pyproject.toml "${sources[@]}")
(cd bindings-python && ruff format --quiet --check --config pyproject.toml "${sources[@]}")
step "mypy"
(cd bindings-python && mypy --strict python/datasus)
step "tsc"
setup/node.sh > /dev/null
(cd bindings-node && node_modules/.bin/tsc --noEmit)
step "gofmt"
unformatted=$("$(dirname "$go")/gofmt" -l bindings-c/go)
[ -z "$unformatted" ] || { echo "gofmt would change $unformatted" >&2; exit 1; }
step "go vet"
# The compiler's own look at the C types needs the header, and no library.
printf 'Name: datasus\nDescription: for vet\nVersion: 0\nCflags: -I%s/bindings-c/include\nLibs:\n' "$root" > "$place/datasus.pc"
(cd bindings-c/go && PKG_CONFIG_PATH="$place" GOFLAGS=-mod=readonly GOTOOLCHAIN=local "$go" vet ./...)
step "bash"
find . -name '*.sh' -not -path './target/*' -not -path '*/node_modules/*' -print0 | xargs -0 -n 1 bash -n
step "clippy"
"$cargo" clippy --workspace --all-targets --locked -- -D warnings
step "rustdoc"
RUSTDOCFLAGS="-D warnings" "$cargo" doc --workspace --no-deps --locked --quiet
step "done"
