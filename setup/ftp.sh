#!/usr/bin/env bash
# vsftpd, which the tests start and stop by themselves (on loopback, a free port, data of their own): Debian's program, taken out of its
# package into the cache, since installing the package would start a service on port 21.
set -euo pipefail
cache=${DATASUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/datasus}
if [ -n "${DATASUS_VSFTPD:-}" ]; then
  echo "vsftpd: your own, $DATASUS_VSFTPD"
  exit 0
fi
tool="$cache/vsftpd/vsftpd"
if [ ! -x "$tool" ]; then
  command -v apt-get > /dev/null || {
    echo "vsftpd: the tests need this FTP server's program; set DATASUS_VSFTPD to it" >&2
    exit 1
  }
  echo "vsftpd: fetching Debian's"
  mkdir -p "$cache"
  place=$(mktemp -d "$cache/.vsftpd-XXXXXX")
  trap 'rm -rf "$place"' EXIT
  fetch() { (cd "$place" && apt-get download -qq vsftpd libwrap0 > /dev/null 2>&1); }
  fetch || { apt-get update -qq && fetch; }
  for package in "$place"/*.deb; do dpkg-deb -x "$package" "$place/unpacked"; done
  mkdir "$place/made"
  cp "$place/unpacked/usr/sbin/vsftpd" "$place/made/vsftpd.bin"
  # Where the system has none of its own.
  find "$place/unpacked" -name 'libwrap.so.0*' -exec cp -d {} "$place/made/" \;
  cat > "$place/made/vsftpd" << 'END'
#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH="$here${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/vsftpd.bin" "$@"
END
  chmod 755 "$place/made" "$place/made/vsftpd" "$place/made/vsftpd.bin"
  rm -rf "$cache/vsftpd"
  mv -T "$place/made" "$cache/vsftpd" 2> /dev/null || [ -x "$tool" ]
fi
echo "vsftpd: $tool"
