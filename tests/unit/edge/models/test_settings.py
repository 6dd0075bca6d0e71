"""Settings about models and headers: what is refused at the start."""

import pytest
from pydantic import ValidationError

from services.edge.settings import EdgeSettings
from services.kit.settings import explain_validation_error

NEEDED: dict[str, str] = {"KEYPOOL_TARGET": "none", "SERVICE_CREDENTIAL": "none"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_ALIASES", "gpt-4o=gemini"),
        ("MODEL_ALIASES", '["gpt-4o"]'),
        ("MODEL_ALIASES", '{"gpt-4o": "models/gemini-2.5-pro"}'),
        ("MODEL_FALLBACKS", '{"a": ["b", "../c"]}'),
        ("MODEL_FALLBACKS", '{"a": 5}'),
        ("MODEL_FALLBACKS", '["a"]'),
        ("THINKING_BUDGET_MAP", '{"a": "many"}'),
        ("THINKING_BUDGET_MAP", '{"a": -2}'),
        ("SAFETY_SETTINGS", '[{"category": "X"}]'),
        ("SAFETY_SETTINGS", "OFF"),
        ("CUSTOM_HEADERS", '{"Authorization": "Bearer hush"}'),
        ("CUSTOM_HEADERS", '{"X-Goog-Api-Key": "hush"}'),
        ("CUSTOM_HEADERS", '{"Connection": "close"}'),
        ("CUSTOM_HEADERS", '{"content-type": "text/plain"}'),
        ("CUSTOM_HEADERS", '{"x-a": "b\\r\\nx-goog-api-key: hush"}'),
        ("CUSTOM_HEADERS", '{"x a": "b"}'),
        ("CUSTOM_HEADERS", "hush"),
    ],
)
def test_a_bad_value_stops_the_start_without_being_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    with pytest.raises(ValidationError) as refused:
        EdgeSettings(_env_file=None)

    [line] = list(explain_validation_error(refused.value))
    assert line.startswith(name)
    assert "hush" not in line


def test_the_settings_of_an_older_installation_are_read(environment: pytest.MonkeyPatch) -> None:
    given = {
        "SEARCH_MODELS": '["gemini-2.0-flash-exp"]',
        "IMAGE_MODELS": "a,b",
        "FILTERED_MODELS": "[]",
        "THINKING_BUDGET_MAP": '{"gemini-2.5-flash": -1}',
        "SAFETY_SETTINGS": '[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]',
        "SHOW_THINKING_PROCESS": "true",
        "URL_CONTEXT_ENABLED": "false",
        "CUSTOM_HEADERS": "{}",
        "FAKE_STREAM_ENABLED": "true",
        "MODEL_FALLBACKS": '{"a": "b", "c": ["d"]}',
    }
    for name, value in given.items():
        environment.setenv(name, value)

    settings = EdgeSettings(_env_file=None)

    assert settings.search_models == ["gemini-2.0-flash-exp"]
    assert settings.image_models == ["a", "b"]
    assert settings.thinking_budget_map == {"gemini-2.5-flash": -1}
    assert settings.model_fallbacks == {"a": ["b"], "c": ["d"]}
    assert settings.beat_seconds == 5


def test_signs_of_life_are_as_far_apart_as_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEARTBEAT_SECONDS", "8")
    environment.setenv("FAKE_STREAM_EMPTY_DATA_INTERVAL_SECONDS", "2")
    assert EdgeSettings(_env_file=None).beat_seconds == 8

    environment.setenv("FAKE_STREAM_ENABLED", "true")
    assert EdgeSettings(_env_file=None).beat_seconds == 2
