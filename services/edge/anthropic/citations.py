"""What Google Search found, as the citations of Anthropic's text blocks."""

from typing import Any

_LONGEST_QUOTE = 150


def cite(grounding: object) -> tuple[list[dict[str, Any]], int]:
    """Return the citations for a groundingMetadata object, and how often was searched.

    Each passage cites each of its sources; sources that no passage is told of come alone.
    """
    if not isinstance(grounding, dict):
        return [], 0
    pages = [_page(chunk) for chunk in _list(grounding.get("groundingChunks"))]
    citations, cited = [], set()
    for support in _list(grounding.get("groundingSupports")):
        segment = support.get("segment")
        text = segment.get("text") if isinstance(segment, dict) else None
        places = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else ():
            page = pages[place] if isinstance(place, int) and 0 <= place < len(pages) else None
            if page is not None:
                cited.add(place)
                citations.append(_citation(page, text if isinstance(text, str) else ""))
    citations += [
        _citation(page, "")
        for place, page in enumerate(pages)
        if page is not None and place not in cited
    ]
    queries = grounding.get("webSearchQueries")
    return citations, len(queries) if isinstance(queries, list) else 0


def _list(value: object) -> list[dict[str, Any]]:
    return (
        [each if isinstance(each, dict) else {} for each in value]
        if isinstance(value, list)
        else []
    )


def _page(chunk: dict[str, Any]) -> tuple[str, str] | None:
    web = chunk.get("web")
    uri = web.get("uri") if isinstance(web, dict) else None
    if not isinstance(uri, str) or not uri:
        return None
    return uri, str(web.get("title") or "") if isinstance(web, dict) else ""


def _citation(page: tuple[str, str], text: str) -> dict[str, Any]:
    uri, title = page
    return {
        "type": "web_search_result_location",
        "url": uri,
        "title": title or None,
        "cited_text": text[:_LONGEST_QUOTE],
        # Nothing of Google's is to be sent back.
        "encrypted_index": "",
    }
