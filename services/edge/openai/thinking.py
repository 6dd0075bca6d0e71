"""What each family of models can do, and how it is told how much to think."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    check_nesting,
    read_boolean,
    read_integer,
    read_string,
    wrong_value,
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_VERSION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?=-|$)")
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The abilities that requests depend on.

    Attributes:
        generation: Major and minor version; (0, 0) for models that are not numbered Geminis.
        is_pro: Whether it is of the largest size, which never stops thinking.
        makes_media: Whether it answers with images or speech, without effort to choose.
    """

    generation: tuple[int, int]
    is_pro: bool
    makes_media: bool

    @property
    def is_modern(self) -> bool:
        """Gemini 3 or later: calls have ids and signatures, JSON goes with tools."""
        return self.generation >= (3, 0)

    @property
    def can_think(self) -> bool:
        """Whether thoughts and their signatures exist."""
        return self.generation >= (2, 5)


@lru_cache(maxsize=256)
def family_of(model: str) -> ModelFamily:
    """Return the family of a model by its name, without `models/`."""
    found = _VERSION.match(model)
    if found:
        generation = (int(found[1]), int(found[2] or 0))
    elif model.startswith("gemini-") and model.endswith("-latest"):
        # The moving aliases (`gemini-flash-latest`) point to the newest generation.
        generation = (3, 1)
    else:
        generation = (0, 0)
    return ModelFamily(
        generation=generation,
        is_pro="-pro" in model,
        makes_media="-image" in model or "-tts" in model,
    )


def thinking_from_effort(
    effort: object, family: ModelFamily, ignored: list[str]
) -> dict[str, Any] | None:
    """Return the thinkingConfig for a `reasoning_effort`.

    Thoughts are asked for too, because clients that choose an effort expect
    `reasoning_content`. Where thinking cannot be switched off, `none` is the least possible.
    """
    name = read_string(effort, "reasoning_effort")
    if name not in EFFORTS:
        raise wrong_value(name, "reasoning_effort", EFFORTS)
    if not family.can_think or family.makes_media:
        ignored.append("reasoning_effort")
        return None
    config = config_for_effort(name, family)
    if name != "none":
        config["includeThoughts"] = True
    return config


def config_for_effort(effort: str, family: ModelFamily) -> dict[str, Any]:
    """Return how a family that thinks is told one of `EFFORTS`."""
    if family.is_modern:
        return {"thinkingLevel": _level(effort, family)}
    return {"thinkingBudget": _budget(effort, family)}


def thinking_from_google(config: dict[str, Any], param: str) -> dict[str, Any]:
    """Return the thinkingConfig that a client wrote in Google's words, in either spelling.

    Fields that are not known here are passed on.
    """
    check_nesting(config, param)
    result = {_camel(name): value for name, value in config.items() if value is not None}
    if "thinkingBudget" in result:
        result["thinkingBudget"] = read_integer(
            result["thinkingBudget"], f"{param}.thinking_budget", -1, _MOST_TOKENS
        )
    if "thinkingLevel" in result:
        level = read_string(result["thinkingLevel"], f"{param}.thinking_level")
        result["thinkingLevel"] = level.upper()
    if "includeThoughts" in result:
        read_boolean(result["includeThoughts"], f"{param}.include_thoughts")
    if "thinkingBudget" in result and "thinkingLevel" in result:
        raise BadRequestError(
            f"'{param}.thinking_budget' and '{param}.thinking_level' cannot be used together.",
            param,
            "invalid_value",
        )
    return result


def _budget(effort: str, family: ModelFamily) -> int:
    if effort == "none":
        return 128 if family.is_pro else 0
    if effort in {"xhigh", "max"}:
        return 32768 if family.is_pro else 24576
    return _BUDGETS[effort]


def _level(effort: str, family: ModelFamily) -> str:
    if effort in {"high", "xhigh", "max"}:
        return "HIGH"
    if family.is_pro:
        if effort == "medium":
            # The first Pro of generation 3 knows only LOW and HIGH.
            return "HIGH" if family.generation == (3, 0) else "MEDIUM"
        return "LOW"
    return {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}[effort]


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)
