import httpx
import pytest

from services.simulator.control import SimulatorControl
from tests.integration.simulator.asking import COUNT, GENERATE, STREAM, ask
from tests.integration.simulator.conftest import ALPHA_TOO


def violations(response: httpx.Response) -> dict[str, str]:
    error = response.json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert [detail["@type"].rpartition(".")[2] for detail in error["details"]] == [
        "Help",
        "QuotaFailure",
        "RetryInfo",
    ]
    return {each["quotaId"]: each["quotaValue"] for each in error["details"][1]["violations"]}


async def test_requests_a_minute_are_limited_for_all_keys_of_a_project(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(rpm=2)

    first = await alpha.post(GENERATE, json=ask())
    second = await alpha.post(STREAM, json=ask(), headers={"x-goog-api-key": ALPHA_TOO})
    third = await alpha.post(GENERATE, json=ask())
    other_project = await beta.post(GENERATE, json=ask())

    statuses = [each.status_code for each in (first, second, third, other_project)]
    assert statuses == [200, 200, 429, 200]
    assert violations(third) == {"GenerateRequestsPerMinutePerProjectPerModel-FreeTier": "2"}
    assert "limit: 2, model: gemini-2.5-flash\nPlease retry in " in third.text.replace("\\n", "\n")
    assert "projects/" not in third.text


@pytest.mark.parametrize("window", ["sliding", "fixed"])
async def test_a_minute_later_requests_are_accepted_again(
    alpha: httpx.AsyncClient, control: SimulatorControl, window: str
) -> None:
    await control.set_limits(rpm=1, window="fixed" if window == "fixed" else "sliding")
    # Within a fixed minute there is room for both requests only at its beginning.
    to_next_minute = 60 - await control.set_clock(0) % 60
    await control.set_clock(to_next_minute)
    assert (await alpha.post(GENERATE, json=ask())).status_code == 200
    refused = await alpha.post(GENERATE, json=ask())

    await control.set_clock(to_next_minute + 61)
    accepted = await alpha.post(GENERATE, json=ask())

    assert (refused.status_code, accepted.status_code) == (429, 200)
    delay = refused.json()["error"]["details"][2]["retryDelay"]
    assert 0 < float(delay.removesuffix("s")) <= 60


async def test_input_tokens_a_minute_are_limited(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(tpm=100)

    small = await alpha.post(GENERATE, json=ask("x" * 40))
    large = await alpha.post(GENERATE, json=ask("x" * 400))
    small_again = await alpha.post(GENERATE, json=ask("x" * 40))

    assert [each.status_code for each in (small, large, small_again)] == [200, 429, 200]
    assert violations(large) == {"GenerateContentInputTokensPerModelPerMinute-FreeTier": "100"}


async def test_requests_a_day_are_limited_until_midnight_pacific(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(rpd=1)
    await alpha.post(GENERATE, json=ask())

    refused = await alpha.post(GENERATE, json=ask())
    await control.set_clock(86400)
    accepted = await alpha.post(GENERATE, json=ask())

    assert violations(refused) == {"GenerateRequestsPerDayPerProjectPerModel-FreeTier": "1"}
    delay = refused.json()["error"]["details"][2]["retryDelay"]
    assert float(delay.removesuffix("s")) < 60
    assert accepted.status_code == 200


async def test_the_paid_tier_has_other_names(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(free_tier=False)
    await control.set_limits(rpm=1, model="gemini-2.5-flash")
    await alpha.post(GENERATE, json=ask())

    refused = await alpha.post(GENERATE, json=ask())

    assert violations(refused) == {"GenerateRequestsPerMinutePerProjectPerModel": "1"}


async def test_counting_and_bad_requests_cost_nothing(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(rpm=1)
    for _ in range(3):
        assert (await alpha.post(COUNT, json=ask())).status_code == 200
        assert (await alpha.post(GENERATE, json={})).status_code == 400

    assert (await alpha.post(GENERATE, json=ask())).status_code == 200
