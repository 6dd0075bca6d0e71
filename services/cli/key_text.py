"""Keys as people paste them."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from services.cli.errors import CommandError
from services.cli.output import remark

SHORTEST, LONGEST = 8, 512

_SEPARATORS = re.compile(r"[\s,;]+")
_WRAPPING = "\"'`[]()"
_SETTING_NAME = re.compile(r"^[A-Z_]+=")
_SENDABLE = re.compile(r"[!-~]*")


def parse_keys(text: str) -> list[str]:
    """Return the keys in any pasted text, in order and each once.

    Keys may be separated by white space, commas or semicolons, quoted, and
    wrapped as a JSON list or a line of `.env`. No format of keys is assumed.
    """
    words = (_SETTING_NAME.sub("", word.strip(_WRAPPING)) for word in _SEPARATORS.split(text))
    return list(dict.fromkeys(key for word in words if (key := word.strip(_WRAPPING))))


def require_sendable(keys: Sequence[str]) -> None:
    """Refuse all keys when one of them cannot be a key, before any is sent.

    Raises:
        CommandError: It names the place of the first such key and no text of it.
    """
    wrong = [at for at, key in enumerate(keys, 1) if not is_sendable(key)]
    if wrong:
        raise CommandError(
            f"{len(wrong)} of {len(keys)} cannot be keys, the first is number {wrong[0]}:"
            f" keys have {SHORTEST} to {LONGEST} printable ASCII characters; nothing was added"
        )


def read_keys(arguments: Sequence[str], file: Path | None) -> str:
    """Return the text that holds keys: arguments, a file, or standard input.

    Raises:
        CommandError: Both were given, or the file cannot be read.
    """
    if arguments and file:
        raise CommandError("give keys as arguments or in a file, not both", exit_code=2)
    if arguments:
        return "\n".join(arguments)
    if file:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
    if sys.stdin.isatty():
        remark("paste keys, then press Ctrl-D:")
    return sys.stdin.read()


def is_sendable(secret: str, *, shortest: int = SHORTEST) -> bool:
    """Whether a text can be a key, or a token when it may be shorter."""
    return shortest <= len(secret) <= LONGEST and _SENDABLE.fullmatch(secret) is not None
