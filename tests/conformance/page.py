"""The page that tells how clients are pointed here: what it shows is what runs."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"

_SECTION = re.compile(r"^### (?P<title>[^\n]+)\n(?P<body>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a section.

    Attributes:
        language: As it is marked.
        code: As it stands there.
        file: Where it belongs, such as `~/.gemini/settings.json`; empty for what is to be run.
    """

    language: str
    code: str
    file: str

    def filled(self, url: str, token: str) -> str:
        """Return the code with a system's address and a token."""
        return self.code.replace("http://localhost:8000", url).replace("sk-476939672", token)


def sections() -> dict[str, tuple[Block, ...]]:
    """Return the blocks of each section by its title."""
    return {
        found["title"]: tuple(
            Block(block["language"], block["code"], block["file"] or "")
            for block in _BLOCK.finditer(found["body"])
        )
        for found in _SECTION.finditer(PAGE.read_text("utf-8"))
    }
