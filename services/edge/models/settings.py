"""The settings that say what names of models mean, and what is added to requests."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from services.kit.settings import TextList, read_json

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")

_LEAST_BUDGET, _MOST_BUDGET = -1, 2**31 - 1


def _lists(value: Any) -> Any:
    value = read_json(value)
    if not isinstance(value, dict):
        return value
    return {name: [item] if isinstance(item, str) else item for name, item in value.items()}


class ModelSettings(BaseModel):
    """Part of the settings of the edge. Lists of models may hold patterns, such as `gemini-2.*`."""

    model_aliases: Annotated[dict[str, str], NoDecode, BeforeValidator(read_json)] = Field(
        default={}
    )
    """What clients may call models, in every dialect: name or pattern to model, as JSON, such as
    `{"claude-*haiku*": "gemini-2.5-flash", "claude-*": "gemini-2.5-pro"}`. Names count before
    patterns, and of these the first that fits."""

    model_fallbacks: Annotated[dict[str, list[str]], NoDecode, BeforeValidator(_lists)] = Field(
        default={}
    )
    """Which models answer, in order, when every key is at its limit for a model or nobody offers
    it any more: model or pattern to a list of models, as JSON."""

    search_models: TextList = Field(default=[])
    """Models that search the web when `-search` is put behind their name."""

    image_models: TextList = Field(default=[])
    """Models that answer with text and pictures when `-image` is put behind their name."""

    thinking_models: TextList = Field(default=[])
    """Models that are listed with `-non-thinking` behind their name too."""

    filtered_models: TextList = Field(default=[])
    """Models that are not listed and not served."""

    thinking_budget_map: Annotated[dict[str, int], NoDecode, BeforeValidator(read_json)] = Field(
        default={}
    )
    """How many tokens a model may think, where a request says nothing of it: model or pattern to
    thinkingBudget, as JSON."""

    show_thinking_process: bool | None = None
    """Whether the models of THINKING_MODELS and THINKING_BUDGET_MAP are asked for their thoughts
    where a request says nothing of it; false keeps thoughts out of all OpenAI chats."""

    safety_settings: Annotated[list[dict[str, str]], NoDecode, BeforeValidator(read_json)] = Field(
        default=[]
    )
    """Google's safetySettings for the categories of which a request says nothing, as JSON."""

    url_context_enabled: bool = False
    """Whether the models of URL_CONTEXT_MODELS may read the addresses that a prompt holds."""

    url_context_models: TextList = Field(default=[])
    """Models that get the tool urlContext."""

    tools_code_execution_enabled: bool = False
    """Whether models may run code of theirs at Google."""

    show_search_link: bool = False
    """Whether OpenAI chats end with the addresses that a search has found."""

    @field_validator("model_aliases")
    @classmethod
    def _name_models(cls, value: dict[str, str]) -> dict[str, str]:
        _check_names(list(value.values()))
        return value

    @field_validator("model_fallbacks")
    @classmethod
    def _name_more_models(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for models in value.values():
            _check_names(models)
        return value

    @field_validator("thinking_budget_map")
    @classmethod
    def _are_budgets(cls, value: dict[str, int]) -> dict[str, int]:
        if any(not _LEAST_BUDGET <= budget <= _MOST_BUDGET for budget in value.values()):
            raise ValueError("a budget is a number of tokens, or -1 for as many as the model likes")
        return value

    @field_validator("safety_settings")
    @classmethod
    def _are_settings(cls, value: list[dict[str, str]]) -> list[dict[str, str]]:
        if any(set(each) != {"category", "threshold"} for each in value):
            raise ValueError("each must have a category and a threshold, and nothing else")
        return value


def _check_names(models: list[str]) -> None:
    if any(not MODEL_NAME.fullmatch(model) for model in models):
        raise ValueError("a model's name holds letters, digits and . _ - only, without models/")
