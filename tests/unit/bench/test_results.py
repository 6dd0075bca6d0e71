from pathlib import Path
from xml.etree import ElementTree

from bench.__main__ import judge
from bench.gate import BOUNDS, exceeded
from bench.options import read_options
from bench.plot import by_axis, plot
from bench.publish import publish
from bench.report import render
from bench.rounds import Result
from bench.scenarios import SCENARIOS
from tests.unit.bench.made_results import costs, result, scenario


def test_a_table_has_the_columns_that_were_measured() -> None:
    measured = result(
        "chat",
        yardstick=[{"edge µs": 100.0}, {"edge µs": 120.0}, {"edge µs": 90.0}],
        gemini_balance=[
            {"edge µs": 1200.0, "p50 ms": 1.0},
            {"edge µs": 1320.0, "p50 ms": 3.0},
            {"edge µs": 1170.0, "p50 ms": 2.0},
        ],
    )

    assert render([measured]).splitlines() == [
        "## chat",
        "",
        "About chat.",
        "",
        "|                | edge µs | p50 ms | x edge µs |",
        "| -------------- | ------: | -----: | --------: |",
        "| yardstick      |     100 |        |      1.00 |",
        "| gemini-balance |   1,200 |   2.00 |     12.00 |",
    ]


def test_the_worst_round_is_told_where_it_counts() -> None:
    measured = result("uploads", yardstick=[{"rise MB": 1.0}, {"rise MB": 7.0}, {"rise MB": 2.0}])

    assert measured.row("yardstick") == {"rise MB": 7.0}


def test_a_way_that_failed_is_told_with_its_reason() -> None:
    measured = Result(
        scenario("chat"), "yardstick", {"yardstick": costs(1)}, {"LiteLLM": "3 of 9: 500 b''"}
    )

    assert "LiteLLM failed: 3 of 9: 500 b''" in render([measured])


def test_a_plot_is_an_image_without_scripts() -> None:
    measured = [result("chat", yardstick=costs(100), gemini_balance=costs(90_000))]

    drawn = plot(measured)

    texts = [element.text for element in ElementTree.fromstring(drawn).iter()]
    assert {"chat", "yardstick", "gemini-balance", "90,000"} <= set(texts)
    assert "<script" not in drawn


def test_only_bars_that_share_an_axis_are_drawn_together() -> None:
    measured = [
        result("chat", yardstick=costs(1)),
        Result(scenario("edges", compared="p50 ms"), "1 edge", {"1 edge": [{"p50 ms": 1.0}]}, {}),
        result("gemini", yardstick=costs(2)),
    ]

    names = [[each.scenario.name for each in together] for together in by_axis(measured)]
    assert names == [["chat", "gemini"], ["edges"]]


def test_each_part_gets_a_page_and_its_plots(tmp_path: Path) -> None:
    measured = [result("chat", yardstick=costs(100), gemini_balance=costs(200))]

    publish(measured, {"date": "2026-01-01"}, tmp_path)

    page = (tmp_path / "edge.md").read_text("utf-8")
    assert page.startswith("# Measured: edge\n\n- date: 2026-01-01\n")
    assert "![edge-1.svg](edge-1.svg)" in page
    assert "## chat" in page
    assert (tmp_path / "edge-1.svg").exists()


def test_a_request_that_became_dearer_exceeds_its_bound() -> None:
    bound = BOUNDS["chat"]
    fine = result("chat", yardstick=costs(100, 100), gemini_balance=costs(99 * bound, 90 * bound))
    dear = result("chat", yardstick=costs(100, 100), gemini_balance=costs(101 * bound, 110 * bound))

    assert exceeded([fine]) == []
    assert exceeded([dear]) == [
        f"chat: {1.055 * bound:.2f} times the yardstick, at most {bound:.2f}"
    ]


def test_what_was_not_measured_holds_no_bound() -> None:
    failed = Result(
        scenario("chat"), "yardstick", {"yardstick": costs(100)}, {"gemini-balance": "500"}
    )

    assert exceeded([failed]) == ["chat: not measured"]


def test_scenarios_have_names_of_their_own_and_bounds_have_scenarios() -> None:
    names = [each.name for each in SCENARIOS]

    assert len(set(names)) == len(names)
    assert set(names) >= BOUNDS.keys()


def test_nothing_is_a_multiple_of_what_failed() -> None:
    measured = Result(
        scenario("chat"), "yardstick", {"gemini-balance": costs(100)}, {"yardstick": "500"}
    )

    assert measured.multiple("gemini-balance") is None


def test_a_wrong_answer_fails_the_run() -> None:
    fine = result("chat", yardstick=costs(100), gemini_balance=costs(100))
    failed = Result(scenario("chat"), "yardstick", fine.samples, {"LiteLLM": "500"})

    assert judge(read_options(["chat"]), [fine]) == 0
    assert judge(read_options(["chat"]), [failed]) == 1


def test_a_broken_bound_fails_the_gate_alone() -> None:
    dear = result("chat", yardstick=costs(1), gemini_balance=costs(2 * BOUNDS["chat"]))

    assert judge(read_options(["chat"]), [dear]) == 0
    assert judge(read_options(["chat", "--quick"]), [dear]) == 1
