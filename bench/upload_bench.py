"""How fast a large upload runs, against a bare relay over the same two hops.

Run with `python -m bench.upload_bench [MIB] [ROUNDS]`. Starts the simulator as upstream, the
product with kept bytes off and on, and the yardstick of `bench.upload_bare`. Each round uploads
one file through each of them in turn; the table has the median speed, the median of its ratio to
the yardstick in the same round, CPU per MB and the rise of memory of both processes. The client
sends the file with sendfile, so it costs next to nothing.
"""

import base64
import http.client
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.processes import Cost, family, watched
from tests.support.system import (
    clean_environment,
    free_port,
    running,
    running_simulator_process,
    running_system,
    wait_for_http,
)

MIB = 1024 * 1024


@dataclass
class Way:
    """One way from the client to the upstream.

    Attributes:
        name: For the table.
        open: Returns the URL to which one file is posted.
        processes: The edge's and the inner service's, by these names.
    """

    name: str
    open: Callable[[], str]
    processes: dict[str, list[int]]
    costs: list[Cost] = field(default_factory=list)


def post_file(url: str, file: Path) -> str:
    """Post a file in one request and return the hash that the upstream tells."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    size = file.stat().st_size
    connection.putrequest("POST", f"{parts.path}?{parts.query}")
    for name, value in (
        ("x-goog-upload-command", "upload, finalize"),
        ("x-goog-upload-offset", "0"),
        ("content-length", str(size)),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    with file.open("rb") as content:
        connection.sock.sendfile(content)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body[:500])
    told: str = json.loads(body)["file"]["sha256Hash"]
    return told


def product(stack: ExitStack, folder: Path, upstream: str, **settings: str) -> Way:
    folder.mkdir()
    system = stack.enter_context(running_system(folder, upstream, LOG_LEVEL="INFO", **settings))
    token = system.secrets[1]

    def start() -> str:
        answer = httpx.post(
            f"{system.url}/upload/v1beta/files",
            params={"key": token},
            headers={
                "x-goog-upload-protocol": "resumable",
                "x-goog-upload-command": "start",
                "x-goog-upload-header-content-type": "application/octet-stream",
            },
            json={},
        )
        answer.raise_for_status()
        url: str = answer.headers["x-goog-upload-url"]
        return url

    found = family(system.process.popen.pid, "up")
    return Way(folder.name, start, {"edge": found["edge"], "inner": found["files"]})


def bare(stack: ExitStack, folder: Path, upstream: str) -> Way:
    folder.mkdir()
    relay, edge = free_port(), free_port()
    processes = {}
    for name, port, target in (
        ("inner", relay, upstream),
        ("edge", edge, f"127.0.0.1:{relay}"),
    ):
        role = "relay" if name == "inner" else "edge"
        process = stack.enter_context(
            running(
                sys.executable,
                *("-m", "bench.upload_bare", role, str(port), target),
                log=folder / f"{role}.log",
                env=clean_environment(),
            )
        )
        processes[name] = [process.popen.pid]
    wait_for_http(f"http://127.0.0.1:{edge}/readyz", process)
    return Way(folder.name, lambda: f"http://127.0.0.1:{edge}/upload", processes)


def measure(ways: list[Way], file: Path, rounds: int) -> None:
    expected = sha256()
    with file.open("rb") as content:
        while piece := content.read(MIB):
            expected.update(piece)
    told = base64.b64encode(expected.digest()).decode()
    for number in range(rounds + 1):
        for way in ways:
            url = way.open()
            with watched(way.processes) as cost:
                assert post_file(url, file) == told, f"{way.name}: another file arrived"
            # The first round warms up.
            if number:
                way.costs.append(cost)


def rows(ways: list[Way], mib: int) -> Iterator[str]:
    heads = ("MB/s", "of bare", "edge ms/MB", "inner ms/MB", "edge MB", "inner MB")
    yield "way".ljust(12) + "".join(head.rjust(13) for head in heads)
    size = mib * MIB / 1e6
    for way in ways:
        speed = statistics.median(size / cost.seconds for cost in way.costs)
        # Within a round, as the machine is not the same from one to the next.
        of_bare = statistics.median(
            bare.seconds / cost.seconds for bare, cost in zip(ways[0].costs, way.costs, strict=True)
        )
        cpu = {
            name: statistics.median(cost.cpu[name] / size * 1e3 for cost in way.costs)
            for name in way.processes
        }
        rise = {name: max(cost.rise(name) for cost in way.costs) / 1e6 for name in way.processes}
        values = (
            f"{speed:.0f}",
            f"{of_bare:.0%}",
            f"{cpu['edge']:.2f}",
            f"{cpu['inner']:.2f}",
            f"{rise['edge']:.0f}",
            f"{rise['inner']:.0f}",
        )
        yield way.name.ljust(12) + "".join(value.rjust(13) for value in values)


def main(mib: int = 256, rounds: int = 9) -> None:
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = folder / "content"
        block = sha256(b"content").digest() * (MIB // 32)
        with file.open("wb") as content:
            for _ in range(mib):
                content.write(block)
        upstream = stack.enter_context(running_simulator_process(folder))
        ways = [
            bare(stack, folder / "bare", upstream),
            product(stack, folder / "store-off", upstream, FILES_STORE_URL=""),
            product(stack, folder / "store-on", upstream, FILES_STORE_URL=f"file://{folder}/kept"),
        ]
        measure(ways, file, rounds)
        print(f"one file of {mib} MiB, median of {rounds} rounds; memory: highest rise")
        print("\n".join(rows(ways, mib)))


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
