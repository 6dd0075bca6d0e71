"""Structured logs on stderr: JSON for machines, coloured lines for a terminal."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
import structlog.tracebacks

from services.kit.context import more_fields, request_id
from services.kit.scrub import scrub

type_of_event = MutableMapping[str, Any]

# The variables of a frame hold tokens, names and prompts of clients.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure_logs(service: str, *, level: str = "INFO", as_json: bool | None = None) -> None:
    """Send the logs of this process, libraries included, to stderr.

    Args:
        service: Name that each line carries.
        level: Lowest level shown, such as `DEBUG`.
        as_json: Force JSON on or off; by default JSON unless stderr is a terminal.
    """
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_context(service),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderers: list[Any] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _ScrubbingFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    # One line for each upstream call is a cost without a reader.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    # At DEBUG it writes whole messages and the headers with the key.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    # The services say themselves when they are up.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def set_level(level: str) -> None:
    """Show lines of a level, such as `DEBUG`, and above from now on."""
    logging.getLogger().setLevel(level)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def tells_details(name: str) -> bool:
    """Whether the lines of a module at DEBUG are wanted.

    To be asked once, where there would be a line for every request: one that is not wanted
    costs microseconds, too.
    """
    return logging.getLogger(name).isEnabledFor(logging.DEBUG)


class _ScrubbingFormatter(structlog.stdlib.ProcessorFormatter):
    """The last gate: whatever a library logs, credentials do not pass."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def _add_context(service: str) -> Any:
    def add(_logger: Any, _method: str, event: type_of_event) -> type_of_event:
        event["service"] = service
        if current := request_id.get():
            event.setdefault("request_id", current)
        for fields in more_fields:
            event.update(fields())
        return event

    return add
