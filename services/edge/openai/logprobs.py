"""Gemini's log probabilities as OpenAI's."""

from typing import Any


def translate_logprobs(result: object) -> list[dict[str, Any]]:
    """Return the tokens of a logprobsResult; empty when there are none."""
    if not isinstance(result, dict):
        return []
    chosen, top = result.get("chosenCandidates"), result.get("topCandidates")
    tops = top if isinstance(top, list) else []
    tokens = []
    for place, item in enumerate(chosen if isinstance(chosen, list) else ()):
        if not isinstance(item, dict):
            continue
        rivals = tops[place].get("candidates") if _is_object(tops, place) else None
        tokens.append(
            {
                **_token(item),
                "top_logprobs": [
                    _token(rival)
                    for rival in (rivals if isinstance(rivals, list) else ())
                    if isinstance(rival, dict)
                ],
            }
        )
    return tokens


def _is_object(items: list[Any], place: int) -> bool:
    return place < len(items) and isinstance(items[place], dict)


def _token(item: dict[str, Any]) -> dict[str, Any]:
    token = item.get("token")
    token = token if isinstance(token, str) else ""
    return {
        "token": token,
        "logprob": item.get("logProbability", 0.0),
        "bytes": list(token.encode("utf-8", "surrogatepass")),
    }
