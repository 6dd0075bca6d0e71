"""How much to think, in Anthropic's words."""

from typing import Any

from services.edge.openai.fields import (
    missing,
    note_others,
    read_integer,
    read_name,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.thinking import EFFORTS, ModelFamily, config_for_effort

_KINDS = ("enabled", "disabled", "adaptive", "between_tools")
_FIELDS: dict[str, tuple[str, ...]] = {
    "enabled": ("budget_tokens", "display"),
    "adaptive": ("display",),
}
_DISPLAYS = ("summarized", "omitted")
_LEAST_BUDGET = 1024
_MOST_TOKENS = 2**31 - 1


def read_thinking(
    body: dict[str, Any], effort: object, family: ModelFamily, ignored: list[str]
) -> dict[str, Any]:
    """Return Gemini's thinkingConfig; empty where the model is left its own way.

    A budget says more than an effort, and `disabled` says all; `adaptive` leaves the amount
    to the model unless there is an effort.

    Args:
        body: The request.
        effort: Its `output_config.effort`; None for none.
        family: The model's.
        ignored: Takes what has no counterpart.
    """
    named = None
    if effort is not None:
        named = read_string(effort, "output_config.effort")
        if named not in EFFORTS:
            raise wrong_value(named, "output_config.effort", EFFORTS)
    kind, budget, shown = _read(body.get("thinking"), ignored)
    if not family.can_think or family.makes_media:
        ignored += ["thinking"] if kind else []
        ignored += ["output_config.effort"] if named else []
        return {}
    if named and kind in {"enabled", "disabled"}:
        ignored.append("output_config.effort")
    config: dict[str, Any] = {}
    if kind == "disabled":
        config = config_for_effort("none", family)
    elif budget is not None:
        config = _by_budget(budget, family)
    elif named:
        config = config_for_effort(named, family)
    elif kind and not family.is_modern:
        config = {"thinkingBudget": -1}
    if shown:
        config["includeThoughts"] = True
    return config


def _read(value: object, ignored: list[str]) -> tuple[str, int | None, bool]:
    """Return the kind of thinking, its budget, and whether the client wants to see it."""
    if value is None:
        return "", None, False
    holder = read_object(value, "thinking")
    kind = read_name(holder.get("type"), "thinking.type")
    if kind not in _KINDS:
        raise wrong_value(kind, "thinking.type", _KINDS)
    note_others(holder, ("type", *_FIELDS.get(kind, ())), "thinking", ignored)
    budget = None
    if kind == "enabled":
        if holder.get("budget_tokens") is None:
            raise missing("thinking.budget_tokens")
        budget = read_integer(
            holder.get("budget_tokens"), "thinking.budget_tokens", _LEAST_BUDGET, _MOST_TOKENS
        )
    display = holder.get("display")
    if display is not None and display not in _DISPLAYS:
        raise wrong_value(display, "thinking.display", _DISPLAYS)
    return kind, budget, kind != "disabled" and display != "omitted"


def _by_budget(budget: int, family: ModelFamily) -> dict[str, Any]:
    if not family.is_modern:
        return {"thinkingBudget": min(budget, 32768 if family.is_pro else 24576)}
    effort = "low" if budget <= 4096 else "medium" if budget <= 16384 else "high"
    return config_for_effort(effort, family)
