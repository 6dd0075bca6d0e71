"""What a search has found, as text behind an answer, for clients that show nothing else."""

import re
from typing import Any

_HEADING = "\n\n---\n**Sources**\n"
_ADDRESS = re.compile(r"https?://[^<>\s]+")
_MARKS = re.compile(r"[\[\]\\\s]+")


def sources_text(metadata: Any) -> str:
    """Return the addresses of a groundingMetadata as a list of links, empty without any."""
    chunks = metadata.get("groundingChunks") if isinstance(metadata, dict) else None
    links: dict[str, str] = {}
    for chunk in chunks if isinstance(chunks, list) else ():
        web = chunk.get("web") if isinstance(chunk, dict) else None
        if not isinstance(web, dict):
            continue
        uri, title = web.get("uri"), web.get("title")
        if isinstance(uri, str) and _ADDRESS.fullmatch(uri):
            links.setdefault(uri, _MARKS.sub(" ", title).strip() if isinstance(title, str) else "")
    rows = [
        f"\n{number}. [{title or uri}](<{uri}>)"
        for number, (uri, title) in enumerate(links.items(), 1)
    ]
    return _HEADING + "".join(rows) if rows else ""
