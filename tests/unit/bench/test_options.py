import pytest

from bench.gate import BOUNDS
from bench.options import read_options
from bench.scenarios import SCENARIOS


def names(*arguments: str) -> list[str]:
    return [scenario.name for scenario in read_options(arguments).scenarios]


def test_scenarios_run_in_the_order_in_which_they_are_named() -> None:
    assert names("chat", "soak", "gemini") == ["chat", "soak", "gemini"]


def test_without_a_name_all_run_that_need_none() -> None:
    assert names() == [each.name for each in SCENARIOS if each.name != "soak"]


def test_the_gate_measures_what_has_a_bound() -> None:
    assert set(names("--quick")) == BOUNDS.keys()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chat", "no-such-thing"], "no such scenario: no-such-thing"),
        (["--quick", "uploads"], "no bound is known of uploads"),
        (["--write", "soak"], "a page is written whole: name start, too"),
    ],
)
def test_what_cannot_be_had_is_refused(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(arguments)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--write", "start", "soak"], ["--write", "--peers", "chat"]]
)
def test_whole_pages_are_written(arguments: list[str]) -> None:
    assert read_options(arguments).writes
