"""A process that loads tables, fetches files and keeps answers, and tells its metrics: what the gateway itself does not do."""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading
import time

import datasus


class Metrics(http.server.BaseHTTPRequestHandler):
    """``GET /metrics``, in OpenMetrics."""

    def __init__(self, client: datasus.Client, *args: object) -> None:
        self.client = client
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Whatever is asked."""
        text = self.client.open_metrics().encode()
        self.send_response(200)
        self.send_header("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A mirror."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Port, a folder of files, a home, and PostgreSQL's address in the environment."""
    port, made, home = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client = datasus.open(made, lake=f"{home}/lake", postgres=os.environ["LOADER_POSTGRES"])
    serve = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Metrics, client))
    threading.Thread(target=serve.serve_forever, daemon=True).start()
    turn = 0
    while True:
        turn += 1
        client.export(
            "SIH-RD", columns=["CNES", "VAL_TOT"], to=datasus.Postgres("sih.rd", mode="replace"), progress=False
        )
        for _ in range(2):
            client.query("SIH-RD", group_by="CNES", aggregates={"n": "count"}, limit=turn % 5 + 1).to_arrow()
        time.sleep(0.05)


if __name__ == "__main__":
    main()
