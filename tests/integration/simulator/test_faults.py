import asyncio
import time
from typing import Any

import httpx
import orjson
import pytest

from services.simulator.control import ControlError, SimulatorControl
from services.simulator.faults import FaultKind
from tests.integration.simulator.asking import GENERATE, STREAM, ask, events_of, reason_of, text_of
from tests.integration.simulator.conftest import ALPHA, ALPHA_TOO
from tests.support.waiting import eventually

SSE = {"alt": "sse"}


@pytest.mark.parametrize(
    ("kind", "status", "name", "message", "reason"),
    [
        ("internal", 500, "INTERNAL", "An internal error has occurred", None),
        ("overloaded", 503, "UNAVAILABLE",
         "The model is overloaded. Please try again later.", None),
        ("deadline", 504, "DEADLINE_EXCEEDED", "Deadline expired", None),
        ("location", 400, "FAILED_PRECONDITION",
         "User location is not supported for the API use.", None),
        ("invalid_key", 400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID"),
        ("leaked", 403, "PERMISSION_DENIED", "Your API key was reported as leaked.", None),
        ("suspended", 403, "PERMISSION_DENIED",
         f"Permission denied: Consumer 'api_key:{ALPHA}'", "CONSUMER_SUSPENDED"),
        ("denied", 403, "PERMISSION_DENIED",
         "Your project has been denied access", "CONSUMER_INVALID"),
        ("service_disabled", 403, "PERMISSION_DENIED",
         "Generative Language API has not been used in project", "SERVICE_DISABLED"),
        ("corrupted_signature", 400, "INVALID_ARGUMENT", "Corrupted thought signature.", None),
        ("rate_limit_bare", 429, "RESOURCE_EXHAUSTED",
         "Resource has been exhausted (e.g. check quota).", None),
        ("rate_limit_sentence", 429, "RESOURCE_EXHAUSTED",
         "Quota exceeded for quota metric 'Generate Content API requests per minute'", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [GENERATE, f"{STREAM}?alt=sse"])
async def test_refusals_have_googles_bodies(
    alpha: httpx.AsyncClient,
    control: SimulatorControl,
    *,
    path: str,
    kind: FaultKind,
    status: int,
    name: str,
    message: str,
    reason: str | None,
) -> None:
    await control.add_fault(kind)

    struck = await alpha.post(path, json=ask())
    spared = await alpha.post(path, json=ask())

    error = struck.json()["error"]
    assert (struck.status_code, error["code"], error["status"]) == (status, status, name)
    assert error["message"].startswith(message)
    assert reason_of(struck) == reason
    assert spared.status_code == 200


@pytest.mark.parametrize(
    ("kind", "quota_id", "value"),
    [
        ("rate_limit_minute", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
        ("rate_limit_tokens", "GenerateContentInputTokensPerModelPerMinute-FreeTier", "250000"),
        ("rate_limit_day", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250"),
        ("rate_limit_zero", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", None),
    ],
)
async def test_rate_limits_name_their_quota(
    alpha: httpx.AsyncClient,
    control: SimulatorControl,
    kind: FaultKind,
    quota_id: str,
    value: str | None,
) -> None:
    await control.add_fault(kind, retry_seconds=12.5)

    response = await alpha.post(GENERATE, json=ask())

    error = response.json()["error"]
    violation = error["details"][1]["violations"][0]
    assert response.status_code == 429
    assert violation["quotaId"] == quota_id
    assert violation["quotaDimensions"] == {"location": "global", "model": "gemini-2.5-flash"}
    assert violation.get("quotaValue") == value
    assert f"limit: {value or 0}, model: gemini-2.5-flash" in error["message"]
    assert error["message"].endswith("Please retry in 12.5s.")
    assert error["details"][2]["retryDelay"] == "12s"


async def test_the_page_about_automated_queries_is_html(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("automated_queries", status=403)

    response = await alpha.post(GENERATE, json=ask())

    assert response.status_code == 403
    assert response.headers["content-type"].startswith("text/html")
    assert "automated queries" in response.text


async def test_any_status_and_body_can_be_ordered(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("custom", status=418, body={"error": {"code": 418}})

    response = await alpha.post(GENERATE, json=ask())

    assert (response.status_code, response.json()) == (418, {"error": {"code": 418}})


async def test_an_answer_may_come_late(alpha: httpx.AsyncClient, control: SimulatorControl) -> None:
    await control.add_fault("delay", delay_seconds=0.2)
    began = time.monotonic()

    response = await alpha.post(GENERATE, json=ask())

    # A lower bound only: how much later depends on the machine.
    assert time.monotonic() - began >= 0.19
    assert response.status_code == 200


async def test_the_connection_may_drop_before_any_answer(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("drop")

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await alpha.post(GENERATE, json=ask())

    counts = (await control.counts()).of(ALPHA)
    assert (counts.by_status, counts.ok, counts.cancelled) == ({"dropped": 1}, 0, 0)
    assert (await alpha.post(GENERATE, json=ask())).status_code == 200


@pytest.mark.parametrize("path", [GENERATE, STREAM, "/v1beta/models"])
async def test_an_answer_may_be_lost_after_the_work_was_done(
    alpha: httpx.AsyncClient, control: SimulatorControl, path: str
) -> None:
    await control.set_limits(rpm=1)
    await control.add_fault("drop_answer")
    method = "GET" if path.endswith("models") else "POST"

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await alpha.request(method, path, json=ask())

    after = await alpha.request(method, path, json=ask())
    assert after.status_code == (200 if method == "GET" else 429)


async def test_a_fault_may_strike_each_third_request_alone(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("internal", every=3, count=2)

    statuses = [(await alpha.post(GENERATE, json=ask())).status_code for _ in range(9)]

    assert statuses == [200, 200, 500, 200, 200, 500, 200, 200, 200]


async def test_an_answer_may_be_held_after_the_work_was_done(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(rpm=1)
    await control.add_fault("hold_answer", delay_seconds=60)
    held = asyncio.create_task(alpha.post(GENERATE, json=ask()))
    await eventually(control.faults, lambda faults: faults[0]["hits"] == 1)

    # The one request of this minute has been counted, though its answer is still to come.
    assert (await alpha.post(GENERATE, json=ask())).status_code == 429
    assert not held.done()
    held.cancel()


async def read_stream(client: httpx.AsyncClient, path: str = f"{STREAM}?alt=sse") -> bytes:
    """Return what arrives of a stream, and raise as httpx does."""
    found = b""
    async with client.stream("POST", path, json=ask("[[words 100]]")) as response:
        assert response.status_code == 200
        async for piece in response.aiter_bytes():
            found += piece
    return found


async def test_a_stream_may_break_after_some_chunks(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("drop_midstream", after_chunks=3)
    found = b""

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        async with alpha.stream("POST", STREAM, params=SSE, json=ask("[[words 100]]")) as response:
            async for piece in response.aiter_bytes():
                found += piece

    events = events_of(found)
    assert len(events) == 3
    assert not any("finishReason" in event["candidates"][0] for event in events)
    assert (await control.counts()).of(ALPHA).by_status == {"dropped": 1}


async def test_a_stream_may_end_cleanly_but_too_early(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("truncate", after_chunks=2)

    events = events_of(await read_stream(alpha))

    assert len(events) == 2
    assert not any("finishReason" in event["candidates"][0] for event in events)


async def test_an_error_may_be_a_chunk(alpha: httpx.AsyncClient, control: SimulatorControl) -> None:
    await control.add_fault("error_chunk", after_chunks=2)

    raw = await read_stream(alpha)

    *chunks, last = events_of(raw)
    assert len(chunks) == 2
    assert list(last) == ["error"]
    assert (last["error"]["code"], last["error"]["status"]) == (503, "UNAVAILABLE")
    assert b'\r\n\r\ndata: {"error":{"code":503' in raw


async def test_an_error_may_stand_bare_in_a_stream(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("raw_error_chunk", after_chunks=1)

    chunk, _, rest = (await read_stream(alpha)).partition(b"\r\n\r\n")

    assert chunk.startswith(b"data: ")
    assert rest.startswith(b'{\n  "error": {\n    "code": 503')
    assert orjson.loads(rest)["error"]["status"] == "UNAVAILABLE"


async def test_a_stream_may_end_inside_an_event(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("broken_event", after_chunks=1)

    whole, _, half = (await read_stream(alpha)).partition(b"\r\n\r\n")

    assert orjson.loads(whole.removeprefix(b"data: "))["candidates"]
    assert half.startswith(b"data: {")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half.removeprefix(b"data: "))


@pytest.mark.parametrize("path", [GENERATE, f"{STREAM}?alt=sse", STREAM])
async def test_an_answer_may_be_garbage(
    alpha: httpx.AsyncClient, control: SimulatorControl, path: str
) -> None:
    await control.add_fault("garbage", after_chunks=0)

    response = await alpha.post(path, json=ask())

    assert response.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(response.content.strip().removeprefix(b"data: "))


async def test_an_answer_may_be_empty(alpha: httpx.AsyncClient, control: SimulatorControl) -> None:
    await control.add_fault("empty_answer", count=2)

    unary = (await alpha.post(GENERATE, json=ask())).json()
    (event,) = events_of((await alpha.post(STREAM, params=SSE, json=ask())).content)

    for reply in (unary, event):
        candidate = reply["candidates"][0]
        assert candidate["finishReason"] == "STOP"
        assert "parts" not in candidate["content"]


async def test_faults_of_streams_leave_other_calls_alone(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("truncate", after_chunks=1)

    assert text_of((await alpha.post(GENERATE, json=ask())).json())
    assert len(events_of(await read_stream(alpha))) == 1


@pytest.mark.parametrize(
    ("selector", "is_struck"),
    [
        ({"key": ALPHA}, True),
        ({"key": ALPHA_TOO}, False),
        ({"project": "alpha"}, True),
        ({"project": "beta"}, False),
        ({"model": "gemini-2.5-flash"}, True),
        ({"model": "gemini-2.5-pro"}, False),
        ({"verb": "generateContent"}, True),
        ({"verb": "countTokens"}, False),
        ({"key": ALPHA, "verb": "countTokens"}, False),
    ],
)
async def test_a_fault_strikes_what_it_selects(
    alpha: httpx.AsyncClient,
    control: SimulatorControl,
    selector: dict[str, Any],
    is_struck: bool,
) -> None:
    await control.add_fault("overloaded", **selector)

    response = await alpha.post(GENERATE, json=ask())

    assert response.status_code == (503 if is_struck else 200)


async def test_a_fault_ends_after_its_count_or_when_lifted(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    async def status() -> int:
        return (await alpha.post(GENERATE, json=ask())).status_code

    await control.add_fault("overloaded", count=2)
    counted = [await status() for _ in range(3)]
    number = await control.add_fault("internal", count=None)
    endless = [await status() for _ in range(3)]
    known = {fault["id"]: fault["hits"] for fault in await control.faults()}
    await control.clear_faults()

    assert counted == [503, 503, 200]
    assert endless == [500, 500, 500]
    assert known[number] == 3
    assert await status() == 200


@pytest.mark.parametrize("order", [{"kind": "earthquake"}, {"kind": "drop", "wher": "here"}, {}])
async def test_an_order_that_makes_no_sense_is_refused(
    control: SimulatorControl, order: dict[str, Any]
) -> None:
    with pytest.raises(ControlError, match="400"):
        await control._post("faults", order)
