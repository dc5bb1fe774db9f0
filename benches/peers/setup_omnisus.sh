#!/usr/bin/env bash
# omnisus-dbf in a venv of its own (first argument: its folder), as it wants Python 3.12. Prints its version; fails where
# there is no such Python.
set -euo pipefail
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
pins=(omnisus-dbf==0.2.1 "$(grep '^pandas==' "$here/requirements.txt")" "$(grep '^pyarrow==' "$here/requirements.txt")")
if [ "$(cat "$venv/made" 2> /dev/null)" != "${pins[*]}" ]; then
  found=
  for python in python3 python3.12 python3.13 python3.14 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null; then found=$python; break; fi
  done
  [ -n "$found" ] || { echo "omnisus-dbf: no Python 3.12 or newer here" >&2; exit 1; }
  rm -rf "$venv"
  "$found" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${pins[@]}" >&2
  echo "${pins[*]}" > "$venv/made"
fi
"$venv/bin/python" -c 'import omnisus_dbf; print(omnisus_dbf.__version__)'
