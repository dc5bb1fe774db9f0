"""Maturin, and `datasus-worker` in the wheel that it makes: the library finds it in `datasus/_bin`.

A build backend (pyproject.toml) for whoever installs from the source package; a program, with wheel and linker, for `wheel.sh`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import maturin
from maturin import (  # noqa: F401 - hooks that a frontend calls
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

WORKER = "datasus/_bin/datasus-worker"
HERE = pathlib.Path(__file__).resolve().parent
DUCKDB = re.compile(r"(.+\.libs)/(libduckdb[^/]*\.so[^/]*)")


def build_wheel(directory: str, settings: dict | None = None, metadata: str | None = None) -> str:
    """Maturin's, with the worker."""
    name = maturin.build_wheel(directory, settings, metadata)
    if sys.platform == "linux":
        bring_worker(pathlib.Path(directory) / name, ["cc"])
    return name


def bring_worker(wheel: pathlib.Path, linker: list[str]) -> None:
    """Builds it for the wheel, which is written anew."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as whole:
        worker = pathlib.Path(folder) / "datasus-worker"
        # As maturin has named them: one that lies in the wheel, or the system's own.
        found = next(filter(None, (DUCKDB.fullmatch(name) for name in whole.namelist())), None)
        rpath = f"$ORIGIN/../../{found[1]}" if found else "$ORIGIN"
        build = next(place for above in HERE.parents if (place := above / "core" / "worker.sh").exists())
        subprocess.run(["bash", build, worker, rpath, *linker], check=True)
        if found:
            patchelf = shutil.which("patchelf") or "patchelf"
            subprocess.run([patchelf, "--replace-needed", "libduckdb.so", found[2], worker], check=True)
        written = wheel.with_suffix(".part")
        with zipfile.ZipFile(written, "w") as into:
            _copy(whole, into, worker.read_bytes())
    os.replace(written, wheel)


def _copy(whole: zipfile.ZipFile, into: zipfile.ZipFile, worker: bytes) -> None:
    """Everything as it is; the worker, with the right to be run; and the record last, which has it too."""
    record = next(one for one in whole.infolist() if one.filename.endswith(".dist-info/RECORD"))
    for one in whole.infolist():
        if one is not record:
            into.writestr(one, whole.read(one))
    entry = zipfile.ZipInfo(WORKER, record.date_time)
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    into.writestr(entry, worker)
    digest = base64.urlsafe_b64encode(hashlib.sha256(worker).digest()).rstrip(b"=").decode()
    lines = whole.read(record).decode().rstrip("\n")
    into.writestr(record, f"{lines}\n{WORKER},sha256={digest},{len(worker)}\n")


if __name__ == "__main__":
    bring_worker(pathlib.Path(sys.argv[1]), sys.argv[2:])
