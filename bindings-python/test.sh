#!/usr/bin/env bash
# Builds the wheel, installs it into a venv of its own, elsewhere, and runs every test of the Python face from there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
tools=$("$root/setup/python.sh")
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
wheel=$("$here/wheel.sh" "$target/wheels")
size=$(stat -c %s "$wheel" 2> /dev/null || stat -f %z "$wheel")
echo "wheel: $(basename "$wheel"), $((size / 1000000)) MB"
[ "$size" -lt 40000000 ] || { echo "wheel: over 40 MB" >&2; exit 1; }

# The tools are seen through a path file; the wheel is this venv's own.
venv="$target/python-tests"
rm -rf "$venv"
"$tools/bin/python" -m venv --without-pip "$venv"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$tools/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$site/tools.pth"
"$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$site" "$wheel"
export PATH="$venv/bin:$tools/bin:$PATH" DATASUS_TEST_WHEEL="$wheel"

# Away from the sources: what is imported is what was installed.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
"$venv/bin/python" -c "import datasus; print('datasus', datasus.__version__, 'from', datasus.__file__)"
"$venv/bin/python" -m pytest -q -p no:cacheprovider "$here/tests" "$@"
