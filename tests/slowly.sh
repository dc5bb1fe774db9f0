#!/usr/bin/env bash
# The Rust tests, built before, with 30 % of one core: no test may count on a fast machine. Linux, as root, where a cgroup can be made;
# elsewhere it says that it was left out.
#
# Promises of latency cannot be kept there, and are not asked for: that is DATASUS_SOAK (core/tests/quiet).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
group=
if [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2> /dev/null; then
  echo +cpu > /sys/fs/cgroup/cgroup.subtree_control 2> /dev/null || true
  group=/sys/fs/cgroup/datasus-slowly
  mkdir -p "$group" && echo "30000 100000" > "$group/cpu.max" || group=
elif [ -w /sys/fs/cgroup/cpu/tasks ]; then
  group=/sys/fs/cgroup/cpu/datasus-slowly
  mkdir -p "$group" && echo 30000 > "$group/cpu.cfs_quota_us" || group=
fi
[ -n "$group" ] || { echo "SKIPPED: no cgroup can be made here; the slow form needs root on Linux" >&2; exit 0; }
trap 'rmdir "$group" 2> /dev/null || true' EXIT
(
  echo "$BASHPID" > "$group/cgroup.procs"
  cd "$root" && exec env -u DATASUS_SOAK cargo test --workspace
)
