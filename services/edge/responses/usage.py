"""Gemini's token counts as responses tell them."""

from typing import Any

from services.edge.openai.usage import translate_usage as count_tokens


def translate_usage(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the usage for a usageMetadata object; None where nothing was counted."""
    if metadata is None:
        return None
    counts = count_tokens(metadata)
    cached = counts["prompt_tokens_details"]["cached_tokens"]
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {
            "reasoning_tokens": counts["completion_tokens_details"]["reasoning_tokens"]
        },
        "total_tokens": counts["total_tokens"],
    }
