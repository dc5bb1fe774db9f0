#!/usr/bin/env bash
# Installs the C package into a folder of its own, moves that, and runs every test of the C and Go faces against it: the header,
# the contract (plain, under AddressSanitizer, under valgrind), the conformance cases, the examples.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
"$root/setup/c.sh"
tools=$("$root/setup/python.sh")
DATASUS_SPARK=$("$root/setup/spark.sh")
export DATASUS_PROFILE=dev
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}") PATH="$PATH:/usr/local/go/bin" RUST_BACKTRACE=0
go=${DATASUS_GO:-go}
place=$(mktemp -d)
trap 'wait; rm -rf "$place"' EXIT
fail() { echo "c: $*" >&2; exit 1; }
# Prints what a program said only where it failed, or what the tests count.
said="$place/said"
quietly() { "$@" > "$said" 2>&1 || { tail -n 60 "$said" >&2; fail "$* failed"; }; }

# The package, where it was not installed.
"$here/install.sh" "$place/first"
prefix="$place/moved to"
mv "$place/first" "$prefix"
library="$prefix/lib/libdatasus.so"
grep -rIl "$place\|$root" "$prefix" && fail "an installed file names the folder it was built in"
[ "$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" = libdatasus.so.0 ] || fail "another SONAME"
[ "$(readelf -d "$library" | sed -n 's/.*R\(UN\)\?PATH.*\[\(.*\)\]/\2/p')" = '$ORIGIN' ] || fail "libduckdb is looked for elsewhere"
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort)
declared=$(grep -oh '\bdatasus_[a-z_]*(' "$prefix/include/datasus.h" "$here/tests/hooks.h" | tr -d '(' | sort -u)
[ "$exported" = "$declared" ] || fail "the library exports other names than the header declares: $(diff <(echo "$exported") <(echo "$declared"))"
unversioned=$(readelf --dyn-syms --wide "$library" | awk '$5 == "GLOBAL" && $7 != "UND" {print $8}' | grep '^datasus_' | grep -v '@@DATASUS_0$' || true)
[ -z "$unversioned" ] || fail "these have no version: $unversioned"
worker="$prefix/libexec/datasus/datasus-worker"
[ "$(gzip -c "$worker" | wc -c)" -lt 4000000 ] || fail "datasus-worker: over 4 MB packed"
(unset LD_LIBRARY_PATH; "$worker" 2>&1 || [ $? -eq 2 ]) | grep -q DATASUS_ISOLATION || fail "datasus-worker does not find libduckdb"

# pkg-config without CMake, CMake without pkg-config; C99 and C++17 with every warning an error.
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
eval "cc -std=c99 -Wall -Wextra -Werror -pedantic '$root/examples/c/query_csv.c' $(pkg-config --cflags --libs datasus) '-Wl,-rpath,$prefix/lib' -o '$place/by-pkg-config'"
(cd "$place" && quietly ./by-pkg-config)
# The README's program, without a network.
sed -n '/^```c$/,/^```$/p' "$here/README.md" | sed '1d;$d; s|"datasus://"|"pasta/com/arquivos"|' > "$place/readme.c"
eval "cc -std=c99 -Wall -Wextra -Werror -pedantic '$place/readme.c' $(pkg-config --cflags --libs datasus) '-Wl,-rpath,$prefix/lib' -o '$place/readme'"
mkdir -p "$place/pasta/com" && mv "$place/exemplo" "$place/pasta/com/arquivos"
(cd "$place" && quietly ./readme && grep -q '^300 rows$' said)
build() { quietly cmake -S "$1" -B "$place/$2" "-DCMAKE_PREFIX_PATH=$prefix" -DCMAKE_BUILD_TYPE=Debug "${@:3}" && quietly cmake --build "$place/$2"; }
build "$here/tests" plain
build "$here/tests" sanitized -DSANITIZE=ON
build "$root/examples/c" examples

# What a panic of ours prints is wanted here; only a failure is shown.
run() { quietly timeout "${patience:-900}" "${@:2}"; echo "c: $1: $(grep -c '^ok ' "$said" || true) behaviours"; }
mkdir "$place/data"
run "contract, plain" "$place/plain/contract" "$place/data/contract"
everyone=$(sed -n 's/^every //p' "$place/said" | sort)
of_header=$(grep -oh '\bdatasus_[a-z_]*(' "$prefix/include/datasus.h" | tr -d '(' | grep -v 'abi_version\|shut_down' | sort -u)
[ "$everyone" = "$of_header" ] || fail "tests/every.c does not call every function: $(diff <(echo "$everyone") <(echo "$of_header"))"
run "rows, plain" "$place/plain/rows" "$place/data/rows" 3000
run "values, plain" "$place/plain/values" "$place/data/values" 100
run "threads, plain" "$place/plain/threads" "$place/data/threads" 100
run "forked, plain" "$place/plain/forked" "$place/data/forked"
run "quit, plain" "$place/plain/quit" "$place/data/quit"
run "abandoned, plain" "$place/plain/abandoned" "$place/data/abandoned"
export ASAN_OPTIONS=detect_leaks=1
run "contract, AddressSanitizer" "$place/sanitized/contract" "$place/data/contract-a"
run "rows, AddressSanitizer" "$place/sanitized/rows" "$place/data/rows-a" 3000
run "threads, AddressSanitizer" "$place/sanitized/threads" "$place/data/threads-a" 30
run "abandoned, AddressSanitizer" "$place/sanitized/abandoned" "$place/data/abandoned-a"
run "quit, AddressSanitizer" env ASAN_OPTIONS=detect_leaks=0 "$place/sanitized/quit" "$place/data/quit-a"
# Leaks of a child that leaves alone what its parent holds are no leaks.
run "forked, AddressSanitizer" env ASAN_OPTIONS=detect_leaks=0 "$place/sanitized/forked" "$place/data/forked-a"

# With the system's allocator, which is the only one here. Nothing is suppressed. What valgrind calls possibly lost is pointed to
# from the middle (hash tables of the catalogue, which live as long as the process); what the library keeps for its callers is
# counted by datasus_test_alive.
valgrind=(valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
  --num-callers=30 --error-exitcode=9 --fair-sched=try)
# Fifty times slower, beside whatever else runs: only a hang ends it.
(
  said="$place/said-by-valgrind" patience=1800
  run "contract, valgrind" "${valgrind[@]}" "$place/plain/contract" "$place/data/contract-v"
  run "rows, valgrind" "${valgrind[@]}" "$place/plain/rows" "$place/data/rows-v" 20
  run "threads, valgrind" "${valgrind[@]}" "$place/plain/threads" "$place/data/threads-v" 2
  run "quit, valgrind" valgrind --quiet --leak-check=no --error-exitcode=9 --fair-sched=try "$place/plain/quit" "$place/data/quit-v"
  run "forked, valgrind" valgrind --quiet --leak-check=no --error-exitcode=9 --fair-sched=try "$place/plain/forked" "$place/data/forked-v"
) &
by_valgrind=$!

# Go.
# Go remembers where it found the library. The flag means nothing, and has our packages, and those alone, looked up once more.
export LD_LIBRARY_PATH="$prefix/lib" GOTOOLCHAIN=local
export GOFLAGS="-mod=readonly -gcflags=github.com/datasus-sdk/datasus/bindings-c/go/...=-D=$(basename "$place")"
cd "$here/go"
quietly "$go" test -race -count=1 -timeout 1800s ./...
echo "c: $(grep '^ok' "$place/said")"
quietly "$go" build -o "$place/go-answer" ./internal/answer
quietly "$go" build -o "$place/go-example" ./examples/query
quietly "$go" build -o "$place/go-rates" ./examples/rates

# Away from the sources.
cd "$place"
made=${DATASUS_MADE_FILES:-$place/made}
[ -d "$made" ] || (cd "$root" && cargo build --quiet --workspace --example made_files && "$CARGO_TARGET_DIR/debug/examples/made_files" "$made")
export DATASUS_MADE_FILES="$made" PYTHONPATH="$root/tests" DATASUS_C_EXAMPLES="$place/examples" DATASUS_GO_EXAMPLE="$place/go-example" DATASUS_GO_RATES="$place/go-rates"
export DATASUS_LIBRARY="$library" DATASUS_SPARK DATASUS_C_ANSWER="$place/plain/answer" DATASUS_GO_ANSWER="$place/go-answer"
tests=("$tools/bin/python" -m pytest -q -p no:cacheprovider -p strict -o python_files="test_*.py c.py c_isolated.py")
for answer in plain/answer go-answer; do
  export DATASUS_ANSWER="$place/$answer"
  "${tests[@]}" "$root/tests/conformance/c.py"
  # The same cases where the engine runs in processes of its own.
  DATASUS_ISOLATION=all "${tests[@]}" "$root/tests/conformance/c.py" "$root/tests/conformance/c_isolated.py"
done
"${tests[@]}" -p own_postgres -p own_cluster "$here/tests/test_examples.py" "$here/tests/test_doors.py" "$here/tests/test_cluster.py"
wait "$by_valgrind" || fail "under valgrind: $(tail -n 20 "$place/said-by-valgrind")"
