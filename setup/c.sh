#!/usr/bin/env bash
# What builds and tests the C face: a C and C++ compiler, CMake, pkg-config, valgrind, Ruby, a JDK and Maven from Debian; Go of
# one's own.
set -euo pipefail

missing=()
for pair in cc:gcc c++:g++ cmake:cmake pkg-config:pkg-config valgrind:valgrind nm:binutils java:default-jre-headless mvn:maven; do
  command -v "${pair%%:*}" > /dev/null || missing+=("${pair#*:}")
done
ruby -e 'require "ffi"' 2> /dev/null || missing+=(ruby ruby-ffi)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "c: the tests of the C face need ${missing[*]}. Install them (Debian: apt-get install ${missing[*]})." >&2
    exit 1
  fi
  echo "c: installing Debian's ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq "${missing[@]}" > /dev/null
fi
export PATH="$PATH:/usr/local/go/bin"
go=${DATASUS_GO:-go}
version=$("$go" env GOVERSION 2> /dev/null || true)
minor=$(sed -n 's/^go1\.\([0-9]*\).*/\1/p' <<< "$version")
if [ "${minor:-0}" -lt 25 ]; then
  echo "c: Go 1.25 or newer is needed (found: ${version:-none}); install it from go.dev, or name one by DATASUS_GO" >&2
  exit 1
fi
echo "c: $(cc --version | head -n 1), $(cmake --version | head -n 1), $(valgrind --version), $version"
