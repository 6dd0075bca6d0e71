"""What `docs/grpc.md` says: its samples, and what it tells of errors."""

import re
from pathlib import Path
from types import ModuleType

from services.kit.errors import ServiceError

_PAGE = Path(__file__).parents[2] / "docs" / "grpc.md"
_FILES_HEAD = "\n## The files service\n"


def keypool_part() -> str:
    """Return what the page says of the key pool, and of both services."""
    return _PAGE.read_text("utf-8").partition(_FILES_HEAD)[0]


def files_part() -> str:
    """Return what the page says of the files service alone."""
    return _PAGE.read_text("utf-8").partition(_FILES_HEAD)[2]


def blocks(part: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def told_reasons(part: str) -> dict[str, str]:
    """Return the status of each reason in the table of errors."""
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \| `([A-Z_]+)` \|", part, re.MULTILINE)
    return {
        reason: status for reasons, status in rows for reason in re.findall(r"[A-Z_]+", reasons)
    }


def known_reasons(*modules: ModuleType) -> dict[str, str]:
    """Return the status of each reason that modules can give."""
    return {
        kind.reason: kind.code.name
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, ServiceError) and kind.reason != "UNKNOWN"
    }
