"""Whatever a client sends is either passed on or refused, and what it says itself stands."""

import copy
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.edge.models.amending import Amendments
from services.edge.models.choosing import Chosen, Suffix
from services.edge.models.settings import ModelSettings

MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro-preview", "gemma-3-27b-it", "x-image")
EAGER = ModelSettings(
    safety_settings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    thinking_budget_map={"gemini-2.5-*": 512},
    thinking_models=["*"],
    show_thinking_process=True,
    url_context_enabled=True,
    url_context_models=["*"],
    tools_code_execution_enabled=True,
)

json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "text/plain"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["category", "thinkingBudget", "thinking_level", "includeThoughts", "googleSearch"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(["thinkingConfig", "thinking_config", "a"]), json)
config = st.fixed_dictionaries(
    {},
    optional={
        "thinkingConfig": json,
        "thinking_config": json,
        "responseMimeType": json,
        "response_mime_type": json,
        "responseModalities": json,
    },
)
# What the shapes that are checked before let through.
requests = st.fixed_dictionaries(
    {},
    optional={
        "generationConfig": st.none() | config,
        "generation_config": st.none() | config,
        "tools": st.none() | st.lists(json) | objects,
        "safetySettings": st.none() | st.lists(json),
        "safety_settings": st.none() | st.lists(json),
        "systemInstruction": objects | st.just("be brief"),
        "cachedContent": json,
    },
)


@given(requests, st.sampled_from(MODELS), st.none() | st.sampled_from(Suffix))
def test_any_request_can_be_amended(
    request: dict[str, Any], model: str, suffix: Suffix | None
) -> None:
    before = copy.deepcopy(request)

    is_changed, _ = Amendments(EAGER).apply(request, Chosen(f"{model}-x", model, suffix))

    assert is_changed or request == before
    assert orjson.dumps(request)
    if suffix is not Suffix.IMAGE:
        assert request.keys() >= before.keys()
    if suffix is None:
        for name in ("tools", "safetySettings", "safety_settings"):
            said = before.get(name)
            if isinstance(said, list):
                assert request[name][: len(said)] == said


@given(requests, st.sampled_from(MODELS), st.none() | st.sampled_from(Suffix))
def test_amending_twice_changes_nothing(
    request: dict[str, Any], model: str, suffix: Suffix | None
) -> None:
    amendments, chosen = Amendments(EAGER), Chosen(f"{model}-x", model, suffix)
    amendments.apply(request, chosen)
    once = copy.deepcopy(request)

    amendments.apply(request, chosen)

    assert request == once
