"""Puts the worker into a wheel that maturin has made: add_worker.py <wheel> <worker> <patchelf>.

It is linked to the wheel's own libduckdb, whose name maturin has changed.
"""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

PLACE = "datasus/_bin/datasus-worker"


def main(wheel: Path, worker: Path, patchelf: str) -> None:
    """Writes the wheel anew, with one file and one line of its RECORD more."""
    with zipfile.ZipFile(wheel) as old:
        libraries = [name for name in old.namelist() if Path(name).name.startswith("libduckdb")]
        if len(libraries) != 1:
            raise SystemExit(f"{wheel}: expected one libduckdb, found {libraries}")
        name = Path(libraries[0]).name
        if name != "libduckdb.so":
            subprocess.run([patchelf, "--replace-needed", "libduckdb.so", name, worker], check=True)
        data = worker.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        made = wheel.with_suffix(".made")
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                content = old.read(entry)
                if entry.filename.endswith(".dist-info/RECORD"):
                    content = f"{PLACE},sha256={digest},{len(data)}\n".encode() + content
                new.writestr(entry, content)
            entry = zipfile.ZipInfo(PLACE, date_time=old.infolist()[0].date_time)
            entry.external_attr = 0o100755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, data)
    made.replace(wheel)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
