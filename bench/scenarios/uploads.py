"""How fast a large upload runs, against a bare relay over the same two hops.

Nothing is pinned: the two hops, the upstream and the store share all cores as they do in use.
"""

import base64
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

from bench.cores import ALL, pin
from bench.load.uploads import post_file, start_upload
from bench.processes import Processes, watched
from bench.scenario import Column, Sample, Scenario, Ways, WrongAnswerError
from bench.stage import Stage
from bench.starting import start
from tests.support.ports import free_port

_MIB = 1024 * 1024
_FILE_MIB = 256

COLUMNS = (
    Column("MB/s"),
    Column("edge ms/MB", 2),
    Column("files ms/MB", 2),
    Column("edge rise MB", is_worst=True),
    Column("files rise MB", is_worst=True),
)


def open_uploads(stage: Stage, stack: ExitStack) -> Ways:
    """Prepare the yardstick, and the product with kept bytes off and on."""
    file = stage.folder / "upload"
    told = _write(file)
    upstream = stage.upstream()
    measure = partial(_measure, file, told)
    ways = {"yardstick": partial(measure, *_open_yardstick(stage, stack, upstream))}
    for name, store in (("store off", ""), ("store on", f"file://{stage.folder}/kept")):
        system, target = stage.open_product(stack, upstream, FILES_STORE_URL=store)
        for pids in target.processes.values():
            pin(pids, ALL)
        begin = partial(start_upload, system.url, target.headers)
        ways[name] = partial(measure, begin, target.processes)
    if stage.shows_upstream:
        ways["upstream itself"] = partial(measure, partial(start_upload, upstream, ()), {})
    return ways


def _open_yardstick(
    stage: Stage, stack: ExitStack, upstream: str
) -> tuple[Callable[[], str], Processes]:
    relay, edge = free_port(), free_port()
    processes = {}
    for name, port, next_one in (("files", relay, upstream), ("edge", edge, f"127.0.0.1:{relay}")):
        command = (sys.executable, "-m", "bench.upload_yardstick", name, str(port), next_one)
        process = start(stack, stage.folder, f"upload-{name}", *command, port=port)
        processes[name] = [process.popen.pid]
        pin(processes[name], ALL)
    return lambda: f"http://127.0.0.1:{edge}/upload", processes


def _write(file: Path) -> str:
    """Write what is uploaded, and return its hash as the upstream will tell it."""
    block = sha256(b"content").digest() * (_MIB // 32)
    expected = sha256()
    with file.open("wb") as content:
        for _ in range(_FILE_MIB):
            content.write(block)
            expected.update(block)
    return base64.b64encode(expected.digest()).decode()


def _measure(file: Path, told: str, begin: Callable[[], str], processes: Processes) -> Sample:
    size = file.stat().st_size / 1e6
    url = begin()
    with watched(processes) as cost:
        if post_file(url, file) != told:
            raise WrongAnswerError("another file arrived")
    sample = {"MB/s": size / cost.seconds}
    for name in {"edge", "files"} & cost.cpu.keys():
        sample[f"{name} ms/MB"] = cost.cpu[name] / size * 1e3
        sample[f"{name} rise MB"] = cost.rise(name) / 1e6
    return sample


SCENARIOS = (
    Scenario(
        "uploads",
        "uploads",
        f"One file of {_FILE_MIB} MiB in one request, with kept bytes off and on",
        COLUMNS,
        open_uploads,
        compared="MB/s",
    ),
)
