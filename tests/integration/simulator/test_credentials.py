from typing import Any

import httpx
import pytest

from services.simulator.control import SimulatorControl
from services.simulator.credentials import KeyState
from services.simulator.server import running_simulator
from services.simulator.settings import SimulatorSettings
from tests.integration.simulator.asking import GENERATE, ask, reason_of
from tests.integration.simulator.conftest import ALPHA, BETA


@pytest.mark.parametrize(
    "carrier",
    [
        {"headers": {"x-goog-api-key": ALPHA}},
        {"params": {"key": ALPHA}},
        {"headers": {"x-goog-api-key": ALPHA}, "params": {"key": ALPHA}},
    ],
)
async def test_a_key_comes_in_the_header_or_in_the_query(
    nobody: httpx.AsyncClient, carrier: dict[str, Any]
) -> None:
    response = await nobody.post(GENERATE, json=ask(), **carrier)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("carrier", "status", "name", "message", "reason"),
    [
        ({}, 403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers", None),
        ({"headers": {"x-goog-api-key": ALPHA}, "params": {"key": BETA}}, 400, "INVALID_ARGUMENT",
         "Multiple authentication credentials received. Please pass only one.", None),
        ({"headers": {"x-goog-api-key": ALPHA, "authorization": f"Bearer {ALPHA}"}}, 400,
         "INVALID_ARGUMENT", "Multiple authentication credentials received.", None),
        ({"headers": {"authorization": f"Bearer {ALPHA}"}}, 401, "UNAUTHENTICATED",
         "Request had invalid authentication credentials.", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ({"params": {"key": "nobody-knows-me"}}, 400, "INVALID_ARGUMENT",
         "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    ],
)  # fmt: skip
async def test_other_credentials_are_refused_in_googles_words(
    nobody: httpx.AsyncClient,
    *,
    carrier: dict[str, Any],
    status: int,
    name: str,
    message: str,
    reason: str | None,
) -> None:
    response = await nobody.post(GENERATE, json=ask(), **carrier)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["status"]) == (status, status, name)
    assert error["message"].startswith(message)
    assert reason_of(response) == reason


@pytest.mark.parametrize(
    ("state", "status", "message", "reason"),
    [
        ("invalid", 400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
        ("expired", 400, "API key expired. Please renew the API key.", "API_KEY_INVALID"),
        ("leaked", 403, "Your API key was reported as leaked.", None),
        ("suspended", 403, f"Permission denied: Consumer 'api_key:{ALPHA}' has been suspended.",
         "CONSUMER_SUSPENDED"),
    ],
)  # fmt: skip
async def test_the_state_of_a_key_may_change_at_any_time(
    alpha: httpx.AsyncClient,
    control: SimulatorControl,
    *,
    state: KeyState,
    status: int,
    message: str,
    reason: str | None,
) -> None:
    await control.put_key(ALPHA, state=state)
    refused = await alpha.post(GENERATE, json=ask())
    await control.put_key(ALPHA, state="valid")
    accepted = await alpha.post(GENERATE, json=ask())

    assert refused.status_code == status
    assert refused.json()["error"]["message"].startswith(message)
    assert reason_of(refused) == reason
    assert accepted.status_code == 200


async def test_a_suspended_key_is_quoted_in_the_details_too(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.put_key(ALPHA, state="suspended")

    response = await alpha.post(GENERATE, json=ask())

    metadata = response.json()["error"]["details"][0]["metadata"]
    assert metadata["containerInfo"] == f"api_key:{ALPHA}"
    assert metadata["consumer"].startswith("projects/")


async def test_without_declared_keys_every_plausible_key_works() -> None:
    settings = SimulatorSettings(simulator_port=0, simulator_keys={})
    async with (
        running_simulator(settings) as simulator,
        httpx.AsyncClient(base_url=simulator.url, trust_env=False) as client,
    ):
        good = await client.post(GENERATE, json=ask(), params={"key": "anything-8"})
        short = await client.post(GENERATE, json=ask(), params={"key": "short"})

    assert (good.status_code, short.status_code) == (200, 400)
