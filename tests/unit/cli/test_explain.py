"""How `explain` shows a project to people and to programs."""

import io
from datetime import UTC, datetime

import pytest
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from services.cli.explain import to_line, to_table

NOW = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def window(used: int, limit: int) -> pb.QuotaWindow:
    return pb.QuotaWindow(
        kind=pb.QuotaWindow.KIND_REQUESTS_PER_DAY,
        used=used,
        limit=limit,
        source=pb.QuotaWindow.SOURCE_LEARNED,
    )


def project(**fields: object) -> pb.ExplainResponse.Project:
    return pb.ExplainResponse.Project(project_id="p", live_key_count=2, **fields)  # type: ignore[arg-type]  # fields of the message, by name


def shown(*projects: pb.ExplainResponse.Project) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(to_table(projects, NOW))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("used", "limit", "bar"),
    [
        (0, 250, "░░░░░░░░░░ 0/250"),
        (1, 250, "█░░░░░░░░░ 1/250"),
        (125, 250, "█████░░░░░ 125/250"),
        (249, 250, "█████████░ 249/250"),
        (250, 250, "██████████ 250/250"),
        (260, 250, "██████████ 260/250"),
        (0, 0, "██████████ 0/0"),
        (1_200_000, 4_000_000, "███░░░░░░░ 1,200,000/4,000,000"),
    ],
)
def test_a_bar_is_full_only_when_nothing_is_left(used: int, limit: int, bar: str) -> None:
    assert f"rpd {bar} learned" in shown(project(windows=[window(used, limit)]))


def test_times_are_by_the_clock_of_quota_days() -> None:
    soon = project(
        reason=pb.Refusal.REASON_QUOTA,
        until=timestamp(datetime(2026, 7, 2, 7, 0, tzinfo=UTC)),
        dry_time=timestamp(datetime(2026, 7, 1, 21, 20, tzinfo=UTC)),
        detail="[the day] is spent",
    )

    text = shown(soon)

    assert "dry at 14:20 PT" in text
    assert "2026-07-02 00:00 PT" in text
    assert "[the day] is spent" in text


def test_programs_get_fields_that_never_break_a_line() -> None:
    spent = project(
        reason=pb.Refusal.REASON_MODEL_ABSENT,
        in_flight_count=3,
        windows=[window(1, 2)],
        detail="two\nlines\tand a tab",
        dry_time=timestamp(datetime(2026, 1, 1, 22, 20, tzinfo=UTC)),
        ways_out=[pb.ExplainResponse.WayOut()],
    )

    fields = to_line(spent).split("\t")

    dry = "2026-01-01T14:20:00-08:00"
    assert fields[:4] == ["p", "no", "model absent", ""]
    assert fields[4:] == ["2", "3", "rpd=1/2", dry, "two lines and a tab", "direct"]


def test_ways_out_are_told_with_what_says_so_and_whether_they_are_avoided() -> None:
    ways = [
        pb.ExplainResponse.WayOut(),
        pb.ExplainResponse.WayOut(proxy="http://a.example:1", egress="eu", avoided=True),
    ]

    told = project(ways_out=ways)

    assert to_line(told).split("\t")[-1] == "direct,http://a.example:1 (eu) avoided"
    assert "http://a.example:1 (eu) avoided" in shown(told)


def test_a_table_says_nothing_of_ways_out_where_all_go_directly() -> None:
    directly = project(ways_out=[pb.ExplainResponse.WayOut()])

    assert "ways out" not in shown(directly, project())
    assert "ways out" in shown(directly, project(ways_out=[pb.ExplainResponse.WayOut(proxy="x")]))
