"""Gemini's token counts as Anthropic counts them."""

from typing import Any

from services.edge.openai.usage import translate_usage as count_tokens

_TIERS = {"standard": "standard", "priority": "priority"}


def translate_usage(metadata: dict[str, Any] | None, searches: int = 0) -> dict[str, Any]:
    """Return Anthropic's usage for a usageMetadata object.

    What came from a cache is counted apart from the other input. Thoughts are output.

    Args:
        metadata: Google's; None while nothing was counted.
        searches: How often the web was searched.
    """
    counts = count_tokens(metadata or {})
    cached = counts["prompt_tokens_details"]["cached_tokens"]
    usage: dict[str, Any] = {
        "input_tokens": max(0, counts["prompt_tokens"] - cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {
            "thinking_tokens": counts["completion_tokens_details"]["reasoning_tokens"]
        },
        "service_tier": _TIERS.get(str((metadata or {}).get("serviceTier")).lower()),
    }
    if searches:
        usage["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": 0}
    return usage
