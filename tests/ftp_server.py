"""An FTP server of made-up files, in the ministry's folders, for the tests of each language: `tests/ftp_server.py <folder>`.

Prints its address, and serves until its standard input ends. Listings are in the form of MS-DOS, as
Microsoft's server has them.
"""

import pathlib
import socket
import socketserver
import sys
import threading

ROOT = "/dissemin/publicos"
FOLDERS = {"RD": "SIHSUS/200801_/Dados", "DO": "SIM/CID10/DORES", "DN": "SINASC/1996_/Dados/DNRES"}


def tree_of(folder: str) -> dict[str, bytes]:
    files = sorted(pathlib.Path(folder).glob("*.dbc"))
    placed = [(FOLDERS.get(file.name[:2]), file) for file in files]
    return {f"{ROOT}/{place}/{file.name}": file.read_bytes() for place, file in placed if place}


class Session(socketserver.StreamRequestHandler):
    def say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode("latin-1"))

    def send(self, data: bytes) -> None:
        self.say("150 Opening BINARY mode data connection.")
        with self.passive.accept()[0] as connection:
            connection.sendall(data)
        self.passive.close()
        self.say("226 Transfer complete.")

    def listing(self) -> bytes:
        below = self.folder.rstrip("/") + "/"
        lines, folders = [], set()
        for path, data in self.server.tree.items():
            name = path.removeprefix(below)
            if name == path:
                continue
            if "/" in name:
                folders.add(name.split("/")[0])
            else:
                lines.append(f"05-29-24  04:10PM  {len(data):>20} {name}")
        lines += [f"02-24-18  07:38AM       <DIR>          {name}" for name in sorted(folders)]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")

    def handle(self) -> None:
        self.folder, start = "/", 0
        self.say("220 Microsoft FTP Service")
        for line in self.rfile:
            command, _, given = line.decode("latin-1").strip().partition(" ")
            data = self.server.tree.get(given)
            if command == "USER":
                self.say("331 Anonymous access allowed.")
            elif command in ("PASS", "TYPE"):
                self.say("230 Done.")
            elif command == "CWD" and any(path.startswith(given.rstrip("/") + "/") for path in self.server.tree):
                self.folder = given
                self.say("250 CWD command successful.")
            elif command == "SIZE" and data is not None:
                self.say(f"213 {len(data)}")
            elif command == "EPSV":
                self.passive = socket.create_server(("127.0.0.1", 0))
                self.say(f"229 Entering Extended Passive Mode (|||{self.passive.getsockname()[1]}|)")
            elif command == "REST":
                start = int(given)
                self.say("350 Restarting.")
            elif command == "LIST":
                self.send(self.listing())
            elif command == "RETR" and data is not None:
                self.send(data[start:])
                start = 0
            elif command in ("CWD", "SIZE", "RETR"):
                self.say("550 The system cannot find the file specified.")
            else:
                self.say("500 Command not understood.")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def __init__(self, folder: str) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.tree = tree_of(folder)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"ftp://127.0.0.1:{self.server_address[1]}{ROOT}"


if __name__ == "__main__":
    print(Server(sys.argv[1]).address, flush=True)
    sys.stdin.read()
