"""Embeddings: OpenAI's request as batches of Gemini's, and the answers as one."""

import base64
import sys
from array import array
from dataclasses import dataclass
from typing import Any

from services.edge.openai.chat_request import read_model
from services.edge.openai.errors import AnswerError, BadRequestError
from services.edge.openai.fields import (
    missing,
    read_integer,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.ignored import ignored_names

# The most that one `:batchEmbedContents` takes, and the most that OpenAI takes.
BATCH_SIZE = 100
_MOST_INPUTS = 2048
_MOST_DIMENSIONS = 65536
_FORMATS = ("float", "base64")
_TRANSLATED = frozenset({"model", "input", "dimensions", "encoding_format"})


@dataclass(frozen=True, slots=True)
class EmbeddingsPlan:
    """An embeddings request, ready to be sent to Gemini.

    Attributes:
        model: Without `models/`; safe as a path segment.
        gemini_bodies: The bodies for `:batchEmbedContents`, in order, at least one.
        is_base64: Whether vectors are told as base64 of little-endian 32 bit floats.
        ignored: Parameters without counterpart, fit for a header.
        inputs: How many texts there are.
        estimated_tokens: A token for every four bytes of text: what usage says when Google
            does not.
    """

    model: str
    gemini_bodies: tuple[dict[str, Any], ...]
    is_base64: bool
    ignored: tuple[str, ...]
    inputs: int
    estimated_tokens: int

    @property
    def gemini_body(self) -> dict[str, Any]:
        """The first body, which is the only one up to 100 texts."""
        return self.gemini_bodies[0]


def translate_embeddings(body: dict[str, Any]) -> EmbeddingsPlan:
    """Return the plan for an embeddings request.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    model = read_model(body)
    texts = _read_texts(body.get("input"))
    settings: dict[str, Any] = {"model": f"models/{model}"}
    if body.get("dimensions") is not None:
        settings["outputDimensionality"] = read_integer(
            body["dimensions"], "dimensions", 1, _MOST_DIMENSIONS
        )
    form = "float"
    if body.get("encoding_format") is not None:
        form = read_string(body["encoding_format"], "encoding_format")
        if form not in _FORMATS:
            raise wrong_value(form, "encoding_format", _FORMATS)
    requests = [{**settings, "content": {"parts": [{"text": text}]}} for text in texts]
    return EmbeddingsPlan(
        model=model,
        gemini_bodies=tuple(
            {"requests": requests[start : start + BATCH_SIZE]}
            for start in range(0, len(requests), BATCH_SIZE)
        ),
        is_base64=form == "base64",
        ignored=ignored_names(body, _TRANSLATED, []),
        inputs=len(texts),
        estimated_tokens=sum(-(-len(text.encode()) // 4) for text in texts),
    )


def translate_embeddings_answer(
    plan: EmbeddingsPlan, answers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return OpenAI's list of embeddings, in the order of the inputs.

    Args:
        plan: The request's.
        answers: Google's replies, one for each body of the plan, in its order.

    Raises:
        AnswerError: The replies do not hold one vector for each input.
    """
    vectors = [values for answer in answers for values in _vectors(answer)]
    if len(vectors) != plan.inputs:
        raise AnswerError(f"{plan.inputs} embeddings were asked for, {len(vectors)} came.")
    tokens = _tokens(answers) or plan.estimated_tokens
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": encode_vector(values) if plan.is_base64 else values,
            }
            for index, values in enumerate(vectors)
        ],
        "model": plan.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def encode_vector(values: list[float]) -> str:
    """Return base64 of the values as little-endian 32 bit floats.

    Raises:
        AnswerError: The values are no numbers.
    """
    try:
        packed = array("f", values)
    except (TypeError, OverflowError) as exc:
        raise AnswerError("an embedding holds something that is no number") from exc
    if sys.byteorder == "big":
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


def _read_texts(value: object) -> list[str]:
    if value is None:
        raise missing("input")
    if isinstance(value, str):
        return [_checked(value, "input")]
    if not isinstance(value, list):
        raise wrong_type(value, "input", "one of a string or array of strings")
    if not value:
        raise BadRequestError("Invalid 'input': empty array.", "input", "empty_array")
    if len(value) > _MOST_INPUTS:
        raise BadRequestError(
            f"Invalid 'input': array too long. Expected an array with maximum length "
            f"{_MOST_INPUTS}, but got an array with length {len(value)} instead.",
            "input",
            "array_above_max_length",
        )
    if isinstance(value[0], int | list) and not isinstance(value[0], bool):
        raise BadRequestError(
            "Invalid 'input': tokens belong to another model's tokenizer and cannot be embedded. "
            "Send text; LangChain does with check_embedding_ctx_length=False.",
            "input",
            "tokens_not_supported",
        )
    return [
        _checked(read_string(item, f"input[{i}]"), f"input[{i}]") for i, item in enumerate(value)
    ]


def _checked(text: str, param: str) -> str:
    if not text:
        raise BadRequestError(f"Invalid '{param}': empty string.", param, "empty_string")
    return text


def _vectors(answer: dict[str, Any]) -> list[list[float]]:
    embeddings = answer.get("embeddings")
    return [
        item["values"]
        for item in (embeddings if isinstance(embeddings, list) else ())
        if isinstance(item, dict) and isinstance(item.get("values"), list)
    ]


def _tokens(answers: list[dict[str, Any]]) -> int | None:
    """Return the tokens that Google counted; None unless it did for every reply."""
    total = 0
    for answer in answers:
        usage = answer.get("usageMetadata")
        count = usage.get("promptTokenCount") if isinstance(usage, dict) else None
        if not isinstance(count, int):
            return None
        total += count
    return total
