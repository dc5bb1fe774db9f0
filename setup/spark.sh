#!/usr/bin/env bash
# A Python with Spark and its Connect server, in the cache (0.9 GB), or with Sail (`spark.sh sail`, 0.5 GB); prints nothing but its folder.
# Spark needs a Java 17 or newer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
python=${DATASUS_PYTHON:-python3}
name=${1:-spark}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || {
  echo "spark: Python 3.10 or newer is needed; name one by DATASUS_PYTHON" >&2
  exit 1
}
java_version() {
  "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}
if [ "$name" = spark ]; then
  java=$(java_version || true)
  if [ -z "$java" ] && [ -z "${JAVA_HOME:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "spark: installing Debian's Java 17" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless > /dev/null
    java=$(java_version || true)
  fi
  [ "${java:-0}" -ge 17 ] || {
    echo "spark: Java 17 or newer is needed (found: ${java:-none}): install openjdk-17-jre-headless, or set JAVA_HOME" >&2
    exit 1
  }
fi
pins=$(cat "$root/setup/$name.txt" <("$python" -c 'import sys; print(sys.executable, sys.version)') | sha256sum | cut -c1-12)
venv="$cache/$name-$pins"
. "$root/setup/alone.sh"
alone "$venv"
if [ ! -f "$venv/ready" ]; then
  echo "spark: installing the pinned $name (some minutes)" >&2
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/setup/$name.txt" >&2
  touch "$venv/ready"
fi
echo "$venv"
