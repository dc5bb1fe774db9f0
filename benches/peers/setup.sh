#!/usr/bin/env bash
# The peers in a venv of their own (first argument: its folder), and C's blast out of pyreaddbc's source package.
set -euo pipefail
venv=$1
here=$(cd "$(dirname "$0")" && pwd)
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$venv/sdist" pyreaddbc==2.0.4
  tar -xzf "$venv"/sdist/pyreaddbc-*.tar.gz -C "$venv/sdist"
  sources=$(dirname "$(find "$venv/sdist" -name blast.c | head -n 1)")
  gcc -O3 -march=native -I "$sources" "$here/blast_driver.c" "$sources/blast.c" -o "$venv/blast"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
