"""What is known of the request at hand, wherever in the process it is asked."""

import re
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar

REQUEST_ID_HEADER = "x-request-id"

_ACCEPTABLE = re.compile(r"[0-9A-Za-z._\-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")

more_fields: list[Callable[[], Mapping[str, str]]] = []
"""What else log lines tell of the request at hand."""


def new_request_id(offered: str | None = None) -> str:
    """Return the id offered by the caller when it is harmless, else a new one."""
    if offered and _ACCEPTABLE.fullmatch(offered):
        return offered
    return uuid.uuid4().hex
