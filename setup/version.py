"""One version in every manifest: without arguments they are compared; `python3 setup/version.py 0.3.0` sets it."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBER = r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.]+)?"
# Where the version stands, and around what; the first is the one that counts.
PLACES = [
    ("Cargo.toml", r'(?m)^(version = ")({})(")$'),
    ("bindings-node/package.json", r'("version": ")({})(")'),
    ("bindings-node/package.json", r'("datasus-[a-z0-9-]+": ")({})(")'),
    ("bindings-node/npm/*/package.json", r'("version": ")({})(")'),
    ("examples/node-service/package.json", r'("version": ")({})(")'),
    ("examples/node-service/package.json", r'("datasus": "\^)({})(")'),
    ("bindings-c/bindgen/Cargo.toml", r'(?m)^(version = ")({})(")$'),
    ("bindings-python/README.md", r"(datasus-)({})(\.tar\.gz)"),
]
# Where its first two numbers stand: before 1.0 a minor version may change what is linked.
MINOR = [
    (name, r"(find_package\(datasus )([0-9]+\.[0-9]+)([ )])")
    for name in (
        "bindings-c/tests/CMakeLists.txt",
        "bindings-c/cmake/datasus-config.cmake.in",
        "bindings-c/README.md",
        "examples/c/CMakeLists.txt",
    )
]


def places() -> list[tuple[pathlib.Path, re.Pattern[str], bool]]:
    """Every file with its pattern, and whether that takes the whole version; one that is not there is an error."""
    found = []
    for name, pattern in PLACES + MINOR:
        files = sorted(ROOT.glob(name))
        if not files:
            sys.exit(f"version: no {name}")
        is_whole = (name, pattern) in PLACES
        found += [(file, re.compile(pattern.replace("{}", NUMBER)), is_whole) for file in files]
    return found


def main() -> None:
    """Compares, or sets."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    if wanted and not re.fullmatch(NUMBER, wanted):
        sys.exit(f"version: {wanted} is no version like 0.3.0")
    version = None
    for file, pattern, is_whole in places():
        text = file.read_text(encoding="utf-8")
        held = [match[2] for match in pattern.finditer(text)]
        if not held:
            sys.exit(f"version: none in {file.relative_to(ROOT)}")
        version = version or wanted or held[0]
        here = version if is_whole else ".".join(version.split(".")[:2])
        if wanted:
            file.write_text(pattern.sub(rf"\g<1>{here}\g<3>", text), encoding="utf-8")
        elif set(held) != {here}:
            sys.exit(f"version: {file.relative_to(ROOT)} says {', '.join(held)}, and Cargo.toml {version}")
    if wanted:
        # The lock file names our own crates with theirs.
        for folder in (ROOT, ROOT / "bindings-c" / "bindgen"):
            subprocess.run(["cargo", "update", "--workspace", "--quiet", "--offline"], cwd=folder, check=True)
    print(f"version: {version}")


main()
