"""Names that stand for models, in every dialect."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.edge.aliases import model_for, rename_models
from services.edge.settings import EdgeSettings
from tests.support.edge_in_memory import EdgeInMemory, Script

ALIASES = {"claude-*haiku*": "gemini-2.5-flash", "claude-*": "gemini-2.5-pro", "a": "b", "b": "c"}
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'
NEEDED: dict[str, Any] = {"keypool_target": "x", "service_credential": "x"}
EMBEDDED = b'{"embeddings":[{"values":[0.5]}]}'


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-3-5-haiku-latest", "gemini-2.5-flash"),
        ("claude-sonnet-4-5", "gemini-2.5-pro"),
        ("models/claude-opus-4-5", "models/gemini-2.5-pro"),
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("Claude-x", "Claude-x"),
        ("a", "b"),
        ("", ""),
    ],
)
def test_the_first_pattern_that_fits_counts_once(name: str, model: str) -> None:
    assert model_for(ALIASES, name) == model
    assert model_for({}, name) == name
    assert model_for({"*": "c"}, name).endswith("c") == bool(name)


def test_the_model_within_a_gemini_request() -> None:
    request: dict[str, Any] = {"requests": [{"model": "models/a"}, {"content": {}}, 7]}

    assert rename_models(request, "b")
    assert request == {"requests": [{"model": "models/b"}, {"content": {}}, 7]}
    assert not rename_models({"contents": []}, "b")


@pytest.mark.parametrize(
    ("path", "body", "target"),
    [
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": "a"}]},
            "gemini-2.5-pro:generateContent",
        ),
        ("/v1/completions", {"prompt": "a"}, "gemini-2.5-pro:generateContent"),
        ("/v1/embeddings", {"input": "a"}, "gemini-2.5-pro:batchEmbedContents"),
        (
            "/v1/messages",
            {"max_tokens": 9, "messages": [{"role": "user", "content": "a"}]},
            "gemini-2.5-pro:generateContent",
        ),
        (
            "/v1beta/models/claude-x:generateContent",
            {"contents": [{"parts": [{"text": "a"}]}]},
            "gemini-2.5-pro:generateContent",
        ),
        (
            "/v1beta/models/claude-x:batchEmbedContents",
            {"requests": [{"model": "models/claude-x", "content": {"parts": [{"text": "a"}]}}]},
            "gemini-2.5-pro:batchEmbedContents",
        ),
    ],
)
async def test_every_dialect_knows_them(path: str, body: dict[str, Any], target: str) -> None:
    edge = EdgeInMemory(model_aliases=ALIASES)
    script = Script([EMBEDDED if "mbed" in path else REPLY])
    native = path.startswith("/v1beta")

    answer = await edge.post(path, body if native else {"model": "claude-x", **body}, script)

    assert answer.status == 200, answer.body
    assert edge.upstream.calls[-1].target == f"/v1beta/models/{target}"
    assert edge.desk.needs[-1].model == "gemini-2.5-pro"
    assert b"claude" not in edge.upstream.calls[-1].body


@pytest.mark.parametrize("value", ["{", "[]", '{"": "a"}', '{"a": ""}', '{"a": "b/c"}', '{"a": 7}'])
def test_a_bad_value_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ALIASES", value)

    with pytest.raises(ValidationError, match="model_aliases"):
        EdgeSettings(_env_file=None, **NEEDED)


def test_it_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ALIASES", '{"claude-*": "gemini-2.5-pro"}')

    settings = EdgeSettings(_env_file=None, **NEEDED)

    assert settings.model_aliases == {"claude-*": "gemini-2.5-pro"}
