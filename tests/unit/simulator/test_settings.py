from typing import Any

import pytest
from pydantic import ValidationError

from services.simulator.credentials import Credentials
from services.simulator.settings import SimulatorSettings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"k1": "alpha", "k2": "alpha"}', {"k1": "alpha", "k2": "alpha"}),
        ("k1, k2", {"k1": "", "k2": ""}),
        ('["k1", "k2"]', {"k1": "", "k2": ""}),
        ("k1", {"k1": ""}),
    ],
)
def test_keys_come_as_json_or_as_a_comma_list(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: dict[str, str]
) -> None:
    monkeypatch.setenv("SIMULATOR_KEYS", text)

    assert SimulatorSettings().simulator_keys == expected


@pytest.mark.parametrize(
    "bad", [{"simulator_rpm": -1}, {"simulator_window": "hourly"}, {"simulator_port": 70000}]
)
def test_a_bad_value_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SimulatorSettings(**bad)


def test_keys_without_a_project_have_one_each() -> None:
    credentials = Credentials({"key-one-1": "", "key-two-2": "", "key-three": "shared"})

    projects = [key.project for key in credentials.all()]

    assert len(set(projects)) == 3
    assert projects[2] == "shared"


def test_without_declared_keys_any_plausible_key_is_known() -> None:
    credentials = Credentials({})

    assert credentials.find("12345678") == credentials.find("12345678")
    assert credentials.find("1234567") is None


def test_with_declared_keys_others_are_unknown_until_added() -> None:
    credentials = Credentials({"key-one-1": "alpha"})
    assert credentials.find("key-two-2") is None

    credentials.put("key-two-2", project="alpha")
    credentials.put("key-two-2", state="leaked")

    found = credentials.find("key-two-2")
    assert found is not None
    assert (found.project, found.state) == ("alpha", "leaked")
