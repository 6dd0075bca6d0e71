"""The bench runs, and notices wrong answers."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bench.load.connection import Address
from bench.load.plain import plain_load
from bench.load.streams import stream_load
from bench.load.uploads import post_file, start_upload
from bench.processes import family
from bench.scenarios.questions import gemini, gemini_stream
from bench.starting import start
from bench.target import Target
from bench.upstream.answers import MODEL
from tests.support.ports import free_port
from tests.support.waiting import eventually

STREAM = gemini_stream("gemini-2.5-flash-3x5ms")
SHA256_OF_HELLO = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Target]:
    port = free_port()
    with ExitStack() as stack:
        command = (sys.executable, "-m", "bench.upstream", str(port))
        start(stack, tmp_path, "upstream", *command, port=port)
        yield Target(Address("127.0.0.1", (port,)), {})


async def test_plain_answers_are_counted_and_checked(upstream: Target) -> None:
    question = gemini(MODEL)
    request = upstream.request("gemini", question)

    right = await plain_load(
        upstream.address, request, question.check, connections=4, seconds=9, at_most=40
    )
    wrong = await plain_load(
        upstream.address, request, lambda _: False, connections=4, seconds=9, at_most=40
    )

    assert (len(right.latencies), right.wrong) == (40, 0)
    assert (len(wrong.latencies), wrong.wrong) == (0, 40)


async def test_streams_are_counted_and_checked(upstream: Target) -> None:
    request = upstream.request("gemini", STREAM)

    right = await stream_load(upstream.address, request, STREAM.check, streams=7, waves=2)
    wrong = await stream_load(upstream.address, request, lambda _: False, streams=7, waves=2)

    assert (len(right.whole), len(right.first), right.wrong) == (14, 14, 0)
    assert wrong.wrong == 7


@pytest.mark.parametrize("path", ["/v1beta/models/m:unknown", "/elsewhere"])
async def test_errors_are_wrong_answers(upstream: Target, path: str) -> None:
    question = replace(gemini(MODEL), path=path)

    result = await plain_load(
        upstream.address,
        upstream.request("gemini", question),
        lambda _: True,
        connections=1,
        seconds=9,
        at_most=3,
    )

    assert result.wrong == 3
    assert result.example.startswith("404")


async def test_late_answers_are_wrong(upstream: Target) -> None:
    slow, long = gemini("gemini-2.5-flash-after-60000ms"), gemini_stream("m-2x60000ms")

    plain = await plain_load(
        upstream.address,
        upstream.request("gemini", slow),
        slow.check,
        connections=3,
        seconds=0,
        patience=0.2,
    )
    streamed = await stream_load(
        upstream.address,
        upstream.request("gemini", long),
        long.check,
        streams=3,
        waves=2,
        patience=0.2,
    )

    assert (plain.wrong, plain.example) == (3, "no answer within 0.2 s")
    assert (streamed.wrong, streamed.example) == (3, "no end within 0.2 s")


def test_an_upload_is_answered_with_its_hash(upstream: Target, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"hello")

    url = start_upload(f"http://127.0.0.1:{upstream.address.ports[0]}", ())

    assert post_file(url, file) == SHA256_OF_HELLO


def test_a_scenario_runs_from_end_to_end() -> None:
    command = (sys.executable, "-m", "bench", "chat", "--rounds", "1", "--seconds", "1")

    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert ended.returncode == 0, ended.stderr
    ways = [line.split("|")[1].strip() for line in ended.stdout.splitlines() if line[:1] == "|"]
    assert ways[2:] == ["yardstick", "gemini-balance", "upstream itself"]


async def test_a_bench_that_is_told_to_end_leaves_nothing_running() -> None:
    command = (sys.executable, "-m", "bench", "gemini", "--seconds", "60")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as bench:

        async def started() -> dict[str, list[int]]:
            return family(bench.pid, "bench")

        processes = await eventually(started, lambda found: "edge" in found, seconds=60)
        bench.terminate()

    assert bench.returncode == 128 + signal.SIGTERM
    alive = [pid for pids in processes.values() for pid in pids if Path(f"/proc/{pid}").exists()]
    assert alive == []
