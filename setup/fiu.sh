#!/usr/bin/env bash
# fiu-run, by which the tests make single system calls fail. From Debian.
set -euo pipefail

if ! command -v fiu-run > /dev/null; then
  if [ "$(uname -s)" != Linux ]; then
    echo "fiu-run: those tests run on Linux only"
    exit 0
  fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "fiu-run: the tests make system calls fail by it. Install it (Debian: apt-get install fiu-utils)." >&2
    exit 1
  fi
  echo "fiu-run: installing Debian's"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq fiu-utils > /dev/null
fi
echo "fiu-run: $(command -v fiu-run)"
