"""A collector of OpenTelemetry's traces on loopback, for the tests: keeps what it is sent, each request a line of a file."""

from __future__ import annotations

import http.server
import json
import pathlib
import threading
from typing import Any


class Session(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Of OTLP over HTTP, in JSON."""
        body = self.rfile.read(int(self.headers["content-length"]))
        right = self.path == "/v1/traces" and self.headers["content-type"] == "application/json"
        if right:
            with self.server.lock, open(self.server.file, "ab") as file:
                file.write(body + b"\n")
        self.send_response(200 if right else 404)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Collector(http.server.ThreadingHTTPServer):
    """On a port of its own."""

    daemon_threads = True

    def __init__(self, file: pathlib.Path) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.file, self.lock = file, threading.Lock()
        file.touch()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """As ``DATASUS_OTLP`` has it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def spans(self, trace_id: str) -> dict[str, dict[str, Any]]:
        """Those of a job, by their names."""
        with self.lock:
            bodies = [json.loads(line) for line in self.file.read_text().splitlines()]
        every = [
            span
            for body in bodies
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        return {span["name"]: span for span in every if span["traceId"].endswith(trace_id)}


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    """Its facts."""
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
