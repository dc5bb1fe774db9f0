#!/usr/bin/env bash
# Writes core/src/engine/spark/proto/messages.rs anew, from Apache's descriptions of Spark Connect, and compares what it sends with what
# Apache's own code sends; `--check` only compares the file as well. What is in it says setup/spark-connect/src/wanted.rs; which Spark it is of,
# Cargo.toml there. Takes `protoc`, which the core's build does not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cargo=${CARGO:-cargo}
export CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
"$here/protoc.sh" > /dev/null
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$here/spark-connect"
crate=apache-spark-connect-proto
manifest=$("$cargo" metadata --format-version 1 --locked | python3 -c '
import json, sys
print(next(one["manifest_path"] for one in json.load(sys.stdin)["packages"] if one["name"] == sys.argv[1]))' "$crate")
descriptions="$(dirname "$manifest")/proto"
"$cargo" run --quiet --locked --bin datasus-spark-connect -- "$descriptions" "$place"
file="$root/core/src/engine/spark/proto/messages.rs"
made="$place/messages.rs"
{
  cat << END
// Written by setup/spark-connect.sh from the descriptions of Spark Connect that Apache Spark $(cat "$descriptions/PROTO_VERSION.txt")
// ($(cat "$descriptions/SPARK_SHA.txt")) publishes in the crate $crate; change
// setup/spark-connect/src/wanted.rs, not this.
//
// Licensed to the Apache Software Foundation (ASF) under one or more contributor license agreements. The ASF licenses those descriptions to
// You under the Apache License, Version 2.0; you may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0.

END
  # Its first line would say that prost wrote all of it.
  grep -v '^// This file is @generated' "$place/spark.connect.rs"
} > "$made"
rustfmt --edition 2024 --config-path "$root" "$made"
if [ "${1:-}" = --check ]; then
  diff -u "$file" "$made" || { echo "spark-connect: $file is not what its descriptions say (above); run setup/spark-connect.sh" >&2; exit 1; }
else
  cp "$made" "$file"
fi
"$cargo" test --quiet --locked > /dev/null
echo "spark-connect: $file"
