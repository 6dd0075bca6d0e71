"""What Google Search found, as a call of a web search and as annotations of a text."""

from typing import Any

Annotation = dict[str, Any]


def annotate(grounding: object, text: str) -> list[Annotation]:
    """Return the citations of a text for a groundingMetadata object, places in characters."""
    if not isinstance(grounding, dict):
        return []
    pages = _pages(grounding)
    raw = text.encode()
    annotations: list[Annotation] = []
    for support in _objects(grounding.get("groundingSupports")):
        segment = support.get("segment")
        start, end = _span(segment if isinstance(segment, dict) else {}, raw)
        places = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else ():
            page = pages[place] if type(place) is int and 0 <= place < len(pages) else None
            if page is not None:
                annotations.append(
                    {
                        "type": "url_citation",
                        "url": page[0],
                        "title": page[1],
                        "start_index": start,
                        "end_index": end,
                    }
                )
    return annotations


def search_action(grounding: object) -> dict[str, Any] | None:
    """Return what was searched for and found; None when nothing was searched."""
    if not isinstance(grounding, dict):
        return None
    asked = grounding.get("webSearchQueries")
    queries = [each for each in asked if isinstance(each, str)] if isinstance(asked, list) else []
    sources = [{"type": "url", "url": page[0]} for page in _pages(grounding) if page is not None]
    if not queries and not sources:
        return None
    return {
        "type": "search",
        "query": queries[0] if queries else "",
        "queries": queries,
        "sources": sources,
    }


def _objects(value: object) -> list[dict[str, Any]]:
    held = value if isinstance(value, list) else []
    return [each if isinstance(each, dict) else {} for each in held]


def _pages(grounding: dict[str, Any]) -> list[tuple[str, str] | None]:
    pages: list[tuple[str, str] | None] = []
    for chunk in _objects(grounding.get("groundingChunks")):
        web = chunk.get("web")
        uri = web.get("uri") if isinstance(web, dict) else None
        is_told = isinstance(web, dict) and isinstance(uri, str) and uri
        pages.append((str(uri), str(web.get("title") or "")) if is_told and web else None)
    return pages


def _span(segment: dict[str, Any], raw: bytes) -> tuple[int, int]:
    """Return from which character to which a segment goes; Google counts bytes."""
    bounds = [segment.get("startIndex", 0), segment.get("endIndex", len(raw))]
    start, end = [
        len(raw[: each if type(each) is int and each >= 0 else 0].decode(errors="ignore"))
        for each in bounds
    ]
    return start, max(start, end)
