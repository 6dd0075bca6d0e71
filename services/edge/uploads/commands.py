"""What an upload request asks for: its commands, and the numbers that come with them."""

import re
from enum import Enum

from services.edge.errors import bad_request

LARGEST_NUMBER = 2**63 - 1

_DIGITS = re.compile(r"[0-9]{1,19}")


class Command(Enum):
    """What `X-Goog-Upload-Command` may say."""

    START = "start"
    UPLOAD = "upload"
    UPLOAD_FINALIZE = "upload, finalize"
    FINALIZE = "finalize"
    QUERY = "query"
    CANCEL = "cancel"

    @property
    def finishes(self) -> bool:
        """Whether the upload is complete with it."""
        return self in {Command.UPLOAD_FINALIZE, Command.FINALIZE}


_COMMANDS = {frozenset(command.value.split(", ")): command for command in Command}


def read_command(header: str) -> Command | None:
    """Return the command of a request, None when it has none.

    Args:
        header: `X-Goog-Upload-Command`: comma separated, in any case and order.

    Raises:
        ApiError: 400 for what is no command.
    """
    if not header.strip():
        return None
    words = [word.strip().lower() for word in header.split(",")]
    command = _COMMANDS.get(frozenset(words))
    if command is None or len(words) > 2:
        known = ", ".join(f"'{each.value}'" for each in Command)
        raise bad_request(
            f"X-Goog-Upload-Command: '{header[:100]}' is no command. Known are {known}.",
            code="invalid_upload_command",
        )
    return command


def read_size(header: str, value: str) -> int | None:
    """Return a number of bytes, None when the header was not sent.

    Args:
        header: Its name, for the message.
        value: Its value.

    Raises:
        ApiError: 400 for what is no number, or one that no file can have.
    """
    text = value.strip()
    if not text:
        return None
    if not _DIGITS.fullmatch(text) or (size := int(text)) > LARGEST_NUMBER:
        raise bad_request(
            f"{header}: '{text[:40]}' is not a number of bytes from 0 to {LARGEST_NUMBER}.",
            code="invalid_upload_number",
        )
    return size


def read_offset(value: str) -> int:
    """Return where the bytes of a chunk belong.

    Args:
        value: `X-Goog-Upload-Offset`.

    Raises:
        ApiError: 400 when it is missing or cannot be one.
    """
    offset = read_size("X-Goog-Upload-Offset", value)
    if offset is None:
        raise bad_request(
            "X-Goog-Upload-Offset is missing: it says where the bytes belong.",
            code="invalid_upload_number",
        )
    return offset
