"""Licences, bans and duplicates of the crates that we ship, by `cargo metadata` alone.

cargo-deny does more and takes minutes to compile. What is allowed is said here, with its reason; an entry that nothing needs
any more is an error as well.
"""

import collections
import json
import re
import subprocess
import sys

SHIPPED = {"datasus", "datasus-c", "datasus-node", "datasus-python"}
LICENCES = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "Unicode-3.0", "Unlicense", "Zlib",
}  # fmt: skip
# These ask for their own files to stay open, and only what builds ours contains them.
BUILD_ONLY_LICENCES = {"cbindgen": "MPL-2.0"}
# One TLS, one allocator of our own choice, no second copy of what DuckDB or rustls bring.
BANNED = {
    "aws-lc-rs": "a long C build in every wheel; ring is there",
    "aws-lc-sys": "a long C build in every wheel; ring is there",
    "json": "serde_json is there",
    "native-tls": "the system's TLS differs from machine to machine; rustls is there",
    "openssl": "the system's TLS differs from machine to machine; rustls is there",
    "openssl-sys": "the system's TLS differs from machine to machine; rustls is there",
    "time": "chrono is there",
}
# Two versions of a crate in what we ship, because those who need it have not met yet.
TWICE = {
    "block-buffer", "const-oid", "cpufeatures", "crypto-common", "digest", "sha2",  # sha2 0.10 here, 0.11 in postgres-protocol
    "base64", "md-5",  # object_store, postgres-protocol
    "fallible-iterator",  # duckdb, postgres-protocol
    "foldhash", "hashbrown",  # arrow, duckdb
    "getrandom", "rand", "rand_core",  # ring, ulid, postgres-protocol
    "io-lifetimes", "linux-raw-sys", "rustix",  # cap-std, and what it stands on
    "syn",  # macros alone
    "winnow",  # toml, and macros
}  # fmt: skip


def is_allowed(expression: str) -> bool:
    """Whether some way to read the expression is allowed: AND of ORs, as crates write them."""
    expression = expression.replace("/", " OR ")
    groups = re.findall(r"\(([^()]*)\)", expression)
    rest = re.sub(r"\([^()]*\)", "", expression)
    parts = groups + [part for part in re.split(r"\bAND\b", rest) if part.strip(" ")]
    return all(any(one.strip() in LICENCES for one in re.split(r"\bOR\b", part)) for part in parts)


def main() -> None:
    said = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"],
        check=True,
        stdout=subprocess.PIPE,
    )
    metadata = json.loads(said.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
    shipped: set[str] = set()
    waiting = [key for key, package in packages.items() if package["name"] in SHIPPED]
    while waiting:
        key = waiting.pop()
        if key not in shipped:
            shipped.add(key)
            waiting += [one["pkg"] for one in nodes[key] if any(kind["kind"] is None for kind in one["dep_kinds"])]

    problems: list[str] = []
    versions: dict[str, set[str]] = collections.defaultdict(set)
    for key, package in packages.items():
        name, licence = package["name"], package["license"] or "none"
        named = f"{name} {package['version']}"
        if not is_allowed(licence) and (key in shipped or BUILD_ONLY_LICENCES.get(name) != licence):
            problems.append(f"{named}: licence {licence}")
        if name in BANNED and key in shipped:
            problems.append(f"{named}: {BANNED[name]}")
        if package["source"] not in (None, "registry+https://github.com/rust-lang/crates.io-index"):
            problems.append(f"{named}: from {package['source']}")
        if key in shipped:
            versions[name].add(package["version"])
    twice = {name for name, all_of_it in versions.items() if len(all_of_it) > 1}
    problems += [
        f"{name}: in {len(versions[name])} versions, {', '.join(sorted(versions[name]))}" for name in twice - TWICE
    ]
    problems += [f"{name}: in one version now; take it off the list" for name in TWICE - twice]
    if problems:
        sys.exit("dependencies:\n  " + "\n  ".join(sorted(problems)))
    print(f"dependencies: {len(shipped)} crates shipped, {len(twice)} of them in two versions")


main()
