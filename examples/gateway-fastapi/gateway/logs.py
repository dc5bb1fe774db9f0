"""One JSON object a line, with the same words for the service and for the package: time, level, logger, event, and where
they are
known trace_id, job_id, stage, code.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
import sys

#: What stands at the end of the package's lines as ``name=value``; ``detail`` is the last, and goes to the end.
_FIELD = re.compile(r" (\w+)=((?:(?! \w+=).)*)", re.DOTALL)
_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        line: dict[str, object] = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name == "datasus":
            event, fields = fields_of(text)
            # What a text says of itself is behind what is known.
            line = {**fields, **line, "event": event}
        else:
            line["event"] = text
        line |= {name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def fields_of(text: str) -> tuple[str, dict[str, str]]:
    """The event and the fields of a line of the package's: ``completed trace_id=0a1b2c3d rows=600``."""
    first = _FIELD.search(text)
    if first is None:
        return text, {}
    # What a user wrote may stand in the last one, and look like others.
    head, mark, detail = text[first.start() :].partition(" detail=")
    fields = dict(_FIELD.findall(head))
    return text[: first.start()], {**fields, "detail": detail} if mark else fields


def configure(level: str) -> None:
    """Every logger of the process, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # Of each request there is a line of our own.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
