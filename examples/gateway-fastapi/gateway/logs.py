"""One JSON object a line, with the same words for the service and for the package: time, level, logger, event, and where
they are
known trace_id, job_id, stage, code.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
        }
        # The package says its event and its facts apart from the text for people; what is known here comes before them.
        facts = getattr(record, "fields", {}) if record.name == "datasus" else _extra(record)
        line["event"] = getattr(record, "event", None) or record.getMessage()
        line = {**facts, **line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")}


def configure(level: str) -> None:
    """Every logger of the process, on standard error."""
    logging.addLevelName(5, "TRACE")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # Of each request there is a line of our own.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
