"""Gemini's token counts as OpenAI counts them."""

import re
from typing import Any

_MODALITY = re.compile(r"[A-Z]{1,20}")


def translate_usage(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAI's usage for a usageMetadata object.

    What tools read counts as prompt. Thoughts count as completion, unless the counts add up
    without them: then the candidates' count holds them already.
    """
    candidates = _count(metadata, "candidatesTokenCount")
    thoughts = _count(metadata, "thoughtsTokenCount")
    prompt = _count(metadata, "promptTokenCount") + _count(metadata, "toolUsePromptTokenCount")
    total = _count(metadata, "totalTokenCount")
    completion = candidates if prompt + candidates == total else candidates + thoughts
    prompt_details = {"cached_tokens": _count(metadata, "cachedContentTokenCount")}
    prompt_details |= _by_kind(metadata, "promptTokensDetails", "toolUsePromptTokensDetails")
    completion_details = {"reasoning_tokens": thoughts}
    completion_details |= _by_kind(metadata, "candidatesTokensDetails")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total or prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": completion_details,
    }


def _count(metadata: dict[str, Any], name: str) -> int:
    value = metadata.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _by_kind(metadata: dict[str, Any], *names: str) -> dict[str, int]:
    sums = {"audio_tokens": 0}
    for name in names:
        details = metadata.get(name)
        for detail in details if isinstance(details, list) else ():
            if not isinstance(detail, dict):
                continue
            modality = detail.get("modality")
            if isinstance(modality, str) and _MODALITY.fullmatch(modality):
                # OpenAI's names go like this; documents and video are Google's alone.
                kind = f"{modality.lower()}_tokens"
                sums[kind] = sums.get(kind, 0) + _count(detail, "tokenCount")
    return sums
