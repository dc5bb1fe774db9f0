#!/usr/bin/env bash
# Tests of the gateway and of examples/monitoring on a wheel of the package: test.sh <wheel> [pytest arguments]. The page and the rest run
# side by side.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wheel=$(realpath "$1")
shift
tools=$("$root/setup/examples.sh")
DATASUS_PROMETHEUS=$("$root/setup/prometheus.sh") DATASUS_PROMTOOL=$("$root/setup/promtool.sh")
DATASUS_VICTORIALOGS=$("$root/setup/victorialogs.sh")
export DATASUS_PROMETHEUS DATASUS_PROMTOOL DATASUS_VICTORIALOGS DATASUS_EXAMPLE_TOOLS="$tools"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# The tools are seen through a path file; the wheel is this run's own.
"$tools/bin/python" -m venv --without-pip "$place/venv"
site=$("$place/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$tools/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$site/tools.pth"
"$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$site" "$wheel"
export PYTHONPATH="$here:$here/tests:$root/tests" PYTHONDONTWRITEBYTECODE=1
run() { "$place/venv/bin/python" -m pytest -q -p no:cacheprovider -p strict -p own_postgres --basetemp "$place/$1" "${@:2}"; }
run page "$here/tests/test_page.py" "$@" > "$place/page.txt" 2>&1 &
page=$!
run rest "$here/tests/test_http.py" "$here/tests/test_edges.py" "$here/tests/test_life.py" "$here/tests/test_openapi.py" "$@" && passed=yes || passed=no
run monitoring "$root/examples/monitoring/tests" "$@" || passed=no
wait "$page" || passed=no
cat "$place/page.txt"
[ "$passed" = yes ]
