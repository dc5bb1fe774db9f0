#!/usr/bin/env bash
# Every face's tests: C's and UniFFI's beside Python's; then Node's, which watch the event loop, alone. What runs beside shows at its
# end what it said.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# What they need, before two at once would install it.
for what in python duckdb2 spark kotlin node c; do "$root/setup/$what.sh" > /dev/null; done
said=$(mktemp)
(bash "$root/bindings-c/test.sh" && bash "$root/bindings-c/uniffi.sh") > "$said" 2>&1 &
beside=$!
ended() {
  # Nothing of it stays when the others fail.
  pkill -P "$beside" 2> /dev/null || true
  kill "$beside" 2> /dev/null || true
  rm -f "$said"
}
trap ended EXIT
bash "$root/bindings-python/test.sh"
wait "$beside" && passed=yes || passed=no
cat "$said"
[ "$passed" = yes ]
bash "$root/bindings-node/test.sh"
