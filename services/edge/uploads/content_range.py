"""`Content-Range` as legacy clients use it to place a chunk, or to ask how far they are."""

import re
from dataclasses import dataclass

from services.edge.errors import bad_request
from services.edge.uploads.commands import LARGEST_NUMBER

_RANGE = re.compile(
    r"bytes\s+(?:(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})|\*)/(?:(?P<whole>[0-9]{1,19})|\*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Where a chunk belongs.

    Attributes:
        offset: Of its first byte.
        length: Of the chunk; 0 asks how far the upload is.
        whole: The size of the file, when it is known.
    """

    offset: int
    length: int
    whole: int | None

    @property
    def is_query(self) -> bool:
        """Whether it brings no bytes."""
        return not self.length

    @property
    def finishes(self) -> bool:
        """Whether the file is complete with this chunk."""
        return self.length > 0 and self.offset + self.length == self.whole


def read_content_range(value: str) -> ContentRange:
    """Return what a `Content-Range` header says.

    Raises:
        ApiError: 400 for what cannot be one.
    """
    found = _RANGE.fullmatch(value.strip())
    if found is None:
        raise _unreadable(value)
    first, last, whole = (
        None if text is None else int(text) for text in found.group("first", "last", "whole")
    )
    if max(last or 0, whole or 0) > LARGEST_NUMBER:
        raise _unreadable(value)
    if first is None or last is None:
        return ContentRange(0, 0, whole)
    if first > last or (whole is not None and last >= whole):
        raise _unreadable(value)
    return ContentRange(first, last - first + 1, whole)


def _unreadable(value: str) -> Exception:
    return bad_request(
        f"Content-Range: '{value[:100]}' is not 'bytes FIRST-LAST/SIZE', with * for what is "
        "not known.",
        code="invalid_upload_number",
    )
