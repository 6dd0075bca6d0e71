"""Multipart bodies, split while they arrive.

Written here because libraries insist on CRLF, while Google's own older Python client
sends line feeds alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value

from services.edge.errors import ApiError, bad_request

_HEAD_LIMIT = 16 * 1024
_BOUNDARY = re.compile(r"[\x20-\x7e]{0,199}[\x21-\x7e]")
# What may follow a boundary on its line; longer padding than this is content.
_LINE_END = re.compile(rb"[ \t]{0,64}(\r?\n)")
_LINE_LONGEST = 64 + 2


@dataclass(frozen=True, slots=True)
class Part:
    """The head of a part, before its bytes.

    Attributes:
        mime_type: As its head says it, empty when it does not.
        name: Of the form field, empty outside of forms.
        file_name: At the client's, empty when it does not say.
    """

    mime_type: str
    name: str
    file_name: str


def read_boundary(content_type: str) -> str:
    """Return the boundary of a multipart body.

    Raises:
        ApiError: 400 when the header names none.
    """
    boundary = _message({"content-type": content_type}).get_param("boundary")
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        raise bad_request("Content-Type names no multipart boundary.", code="invalid_multipart")
    return boundary


class PartSplitter:
    """Turns pieces of a body into heads of parts, each followed by its bytes."""

    def __init__(self, boundary: str) -> None:
        """Split at a boundary."""
        self._mark = b"--" + boundary.encode("latin-1")
        self._delimiter = b""
        self._pending = bytearray()
        self._step: Callable[[], Part | bytes | None] = self._preamble
        self.is_complete = False

    def feed(self, piece: bytes) -> Iterator[Part | bytes]:
        """Yield what a piece completes.

        Raises:
            ApiError: 400 for a body that does not keep to its boundary.
        """
        if self.is_complete:
            return
        self._pending += piece
        while not self.is_complete:
            before = len(self._pending), self._step
            found = self._step()
            if found:
                yield found
            elif before == (len(self._pending), self._step):
                return

    def _preamble(self) -> None:
        """Skip what comes before the first boundary, which begins a line."""
        at = 0
        while (at := self._pending.find(self._mark, at)) >= 0:
            if at == 0 or self._pending[at - 1] == 0x0A:
                line = self._after(at + len(self._mark))
                if line is None:
                    return
                if line:
                    # The body's own line ends tell what precedes its boundaries.
                    self._delimiter = line + self._mark
                    return
            at += 1
        if len(self._pending) > _HEAD_LIMIT:
            raise _malformed("it does not begin with its boundary")

    def _head(self) -> Part | None:
        """Read the head of a part, up to its empty line."""
        line_end = self._delimiter[: -len(self._mark)]
        if self._pending.startswith(line_end):
            head, size = b"", len(line_end)
        else:
            at = self._pending.find(line_end * 2)
            if at < 0:
                if len(self._pending) > _HEAD_LIMIT:
                    raise _malformed("the head of a part does not end")
                return None
            head, size = bytes(self._pending[:at]), at + 2 * len(line_end)
        if self._mark in head:
            raise _malformed("the head of a part does not end")
        del self._pending[:size]
        self._step = self._content
        return _read_head(head)

    def _content(self) -> bytes:
        """Return bytes of a part that cannot belong to the next boundary."""
        at = self._pending.find(self._delimiter)
        if at < 0:
            return self._take(len(self._pending) - len(self._delimiter) + 1)
        if at:
            return self._take(at)
        if self._after(len(self._delimiter)) == b"":
            # Only looked like a boundary.
            return self._take(1)
        return b""

    def _after(self, at: int) -> bytes | None:
        """Go on behind a boundary that ends at `at`.

        Returns:
            The line end found; an empty text when it is no boundary; None when the bytes
            do not tell yet, and at the end of the last part.
        """
        rest = bytes(self._pending[at : at + _LINE_LONGEST])
        if rest.startswith(b"--"):
            self.is_complete = True
            self._pending.clear()
            return None
        found = _LINE_END.match(rest)
        if found is None:
            could_be = rest.strip(b" \t") in {b"", b"\r", b"-"} and len(rest) < _LINE_LONGEST
            return None if could_be else b""
        del self._pending[: at + found.end()]
        self._step = self._head
        return found.group(1)

    def _take(self, size: int) -> bytes:
        if size <= 0:
            return b""
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken


def _read_head(head: bytes) -> Part:
    fields = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    encoding = fields.get("content-transfer-encoding", "binary").lower()
    if encoding not in {"binary", "8bit", "7bit"}:
        raise _malformed("parts are taken as bytes, without a Content-Transfer-Encoding")
    message = _message(fields)
    try:
        name = collapse_rfc2231_value(message.get_param("name", "", "content-disposition"))
        file_name = message.get_filename("") or ""
    except UnicodeError:
        raise _malformed("a name is in a character set that cannot be read") from None
    return Part(fields.get("content-type", ""), _sendable(name), _sendable(file_name))


def _sendable(text: str) -> str:
    """Return a text without what no UTF-8 can hold, such as the halves of UTF-7's pairs."""
    return text.encode("utf-8", "replace").decode()


def _message(fields: dict[str, str]) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name] = value
    return message


def _malformed(why: str) -> ApiError:
    return bad_request(f"The multipart body is malformed: {why}.", code="invalid_multipart")
