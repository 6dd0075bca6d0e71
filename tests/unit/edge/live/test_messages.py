"""What is read in the messages of a session."""

from typing import Any

import orjson
import pytest

from services.edge.errors import ApiError
from services.edge.live.handles import name_of
from services.edge.live.messages import (
    go_away,
    handle_in,
    is_set_up,
    names_something,
    read_later,
    read_setup,
    usage_in,
    written,
)
from services.edge.live.targets import live_target_of
from services.edge.usage import TokenUsage

SERVICE = "google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    ("path", "version"),
    [
        (f"/ws/{SERVICE.format('v1beta')}", "v1beta"),
        (f"//ws/{SERVICE.format('v1alpha')}", "v1alpha"),
        (f"/ws/{SERVICE.format('v1')}Constrained", "v1"),
        (f"/ws/{SERVICE.format('v2')}", None),
        (f"/ws/{SERVICE.format('v1beta')}X", None),
        (f"///ws/{SERVICE.format('v1beta')}", None),
        ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic", None),
    ],
)
def test_which_paths_open_a_session(path: str, version: str | None) -> None:
    target = live_target_of(path)

    assert (target and target.version) == version


def test_the_credential_decides_what_is_opened_upstream() -> None:
    target = live_target_of(f"/ws/{SERVICE.format('v1alpha')}Constrained")

    assert target
    assert target.path(is_constrained=False) == f"/ws/{SERVICE.format('v1alpha')}"
    assert target.path(is_constrained=True) == f"/ws/{SERVICE.format('v1alpha')}Constrained"


@pytest.mark.parametrize("resumption", ["sessionResumption", "session_resumption"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_setup(resumption: str, as_text: bool) -> None:
    body = orjson.dumps({"setup": {"model": "models/m", resumption: {"handle": "h"}}})

    setup = read_setup(body.decode() if as_text else body, needs_model=True)

    assert (setup.model, setup.handle) == ("m", "h")


def test_a_setup_without_a_model_where_a_token_names_it() -> None:
    setup = read_setup('{"setup": {"sessionResumption": {}}}', needs_model=False)

    assert (setup.model, setup.handle) == ("", "")


@pytest.mark.parametrize(
    "setup",
    [
        {"model": 1},
        {"model": "models/.."},
        {"model": "m", "sessionResumption": {"handle": 1}},
        {"model": "m", "sessionResumption": {"handle": "a"}, "session_resumption": {"handle": "b"}},
    ],
)
def test_a_setup_that_cannot_be(setup: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        read_setup(orjson.dumps({"setup": setup}), needs_model=False)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"realtimeInput": {"audio": {"data": "AAAA"}}}', False),
        ('{"clientContent": {"turns": []}}', False),
        ('{"clientContent": {"fileUri": "files/a"}}', True),
        ('{"clientContent": {"fileUri": "f\\u0069les/a"}}', True),
        ('{"setup": {}}', True),
        ('{"s\\u0065tup": {}}', True),
        ('{"x": "cachedContents/a"}', True),
    ],
)
def test_which_messages_are_looked_at(message: str, expected: bool) -> None:
    assert names_something(message) is expected
    assert names_something(message.encode()) is expected


@pytest.mark.parametrize("message", ['{"setup": {}}', '{"s\\u0065tup": {}}', "[]", "no"])
def test_later_messages_that_are_refused(message: str) -> None:
    with pytest.raises(ApiError):
        read_later(message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b'{"setupComplete": {}}', True),
        ('{"setupComplete": {"sessionId": "s"}}', True),
        (b'{"error": {"code": 400}}', False),
        (b"[]", False),
        (b"no", False),
    ],
)
def test_whether_a_session_was_set_up(message: str | bytes, expected: bool) -> None:
    assert is_set_up(message) is expected


@pytest.mark.parametrize("as_text", [True, False])
def test_usage_and_handles(as_text: bool) -> None:
    usage = {"promptTokenCount": 3, "responseTokenCount": 5, "thoughtsTokenCount": 1}
    update = {"newHandle": "h", "resumable": True}
    body = orjson.dumps({"usageMetadata": usage, "sessionResumptionUpdate": update})
    message = body.decode() if as_text else body

    assert usage_in(message) == TokenUsage(3, 5, 0, 1)
    assert handle_in(message) == "h"


@pytest.mark.parametrize(
    "message",
    [
        b"{}",
        "{}",
        b'{"newHandle": "h"}',
        b'{"sessionResumptionUpdate": {"newHandle": 1}}',
        b'["newHandle"]',
        b'"newHandle',
        '{"text": "\\"newHandle\\" \\"usageMetadata\\": {}"}',
    ],
)
def test_messages_that_tell_neither(message: str | bytes) -> None:
    assert usage_in(message) is None
    assert handle_in(message) == ""


def test_a_handle_is_bound_by_a_hash() -> None:
    name = name_of("a-handle")

    assert name.startswith("liveSessions/")
    assert "a-handle" not in name
    assert name != name_of("another")


def test_the_warning_is_of_the_kind_that_the_client_gets() -> None:
    assert go_away(1.5, as_text=True) == '{"goAway":{"timeLeft":"1.500s"}}'
    assert go_away(-1, as_text=False) == b'{"goAway":{"timeLeft":"0.000s"}}'
    assert written("text", b"{}") == "{}"
    assert written(b"bytes", b"{}") == b"{}"
