#!/usr/bin/env bash
# Builds the wheel, installs it into a venv of its own, elsewhere, and runs every test of the Python face from there: behaviour,
# the examples of the docstrings, the stubs, the conformance cases, the examples and the notebooks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
tools=$("$root/setup/python.sh")
spark=$("$root/setup/spark.sh")
# Before the tests' own venv stands first in PATH.
DATASUS_OTHER_DUCKDB=$("$root/setup/duckdb2.sh")
export DATASUS_PROFILE=dev
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
# Wheel and venvs are this run's own: several clones may share the target folder.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
wheel=$("$here/wheel.sh" "$place/wheels")
size=$(stat -c %s "$wheel" 2> /dev/null || stat -f %z "$wheel")
echo "wheel: $(basename "$wheel"), $((size / 1000000)) MB"
[ "$size" -lt 45000000 ] || { echo "wheel: over 45 MB" >&2; exit 1; }
[ "$(uname -s)" != Linux ] || grep -q 'platform tag: "manylinux_2_28' <<< "$("$tools/bin/auditwheel" show "$wheel" | tr '\n' ' ')"

# An empty venv, without any other library: what the README says first. The long form does so from the source package too.
says_readme() {
  "$tools/bin/python" -m venv --without-pip "$2"
  local site
  site=$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$site" "$1"
  (cd "$place" && "$2/bin/python" "$here/tests/readme_first.py")
}
says_readme "$wheel" "$place/empty"
if [ -n "${DATASUS_SOAK:-}" ]; then
  from_source=$("$here/sdist.sh" "$place/sdist")
  echo "sdist: $(basename "$place"/sdist/*.tar.gz), and out of it $(basename "$from_source")"
  says_readme "$from_source" "$place/empty-sdist"
fi

# The tools, and Spark, are seen through a path file; the wheel is this venv's own.
venv="$place/tests"
"$tools/bin/python" -m venv --without-pip "$venv"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for seen in "$tools" "$spark"; do "$seen/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; done > "$site/tools.pth"
"$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$site" "$wheel"
export PATH="$venv/bin:$tools/bin:$PATH"

# Away from the sources: what is imported is what was installed.
cd "$place"
python -m mypy.stubtest datasus._datasus
pyright --pythonpath "$venv/bin/python" --ignoreexternal --verifytypes datasus > types.txt || { cat types.txt; exit 1; }
grep "score" types.txt

(cd "$root" && cargo build --quiet --workspace --example made_files && "$CARGO_TARGET_DIR/debug/examples/made_files" "$place/made")
export DATASUS_SPARK="$spark" DATASUS_MADE_FILES="$place/made" PYTHONPATH="$here/tests:$root/tests" DATASUS_OTHER_DUCKDB
python -m pytest -q -p no:cacheprovider -p strict -p example_folder -p own_postgres -p own_s3 -p spark_here -p secrets_kept \
  --doctest-modules -o doctest_optionflags="ELLIPSIS NORMALIZE_WHITESPACE" -o python_files="test_*.py python.py" \
  "$site/datasus" "$here/tests" "$root/tests/conformance/python.py" "$root/examples/python/test_examples.py" "$@"
# The same cases where the engine runs in processes of its own. A chosen test is chosen above.
[ $# -gt 0 ] || DATASUS_ISOLATION=all python -m pytest -q -p no:cacheprovider -p strict -o python_files=python.py "$root/tests/conformance/python.py"
[ ! -x "$root/notebooks/test.sh" ] || "$root/notebooks/test.sh" ${DATASUS_NOTEBOOKS:-}
# What a chosen test says is told without the services.
[ $# -gt 0 ] || bash "$root/examples/gateway-fastapi/test.sh" "$wheel"
