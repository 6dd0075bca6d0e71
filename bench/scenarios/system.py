"""What the whole `gemini-balance up` takes: to start, and to do nothing."""

import http.client
import json
import time
from contextlib import ExitStack
from pathlib import Path

from bench.cores import ALL, running_on
from bench.processes import family, proportional_bytes, resident_bytes
from bench.scenario import Column, Sample, Scenario, Ways, WrongAnswerError
from bench.scenarios import questions
from bench.stage import Stage, product_settings
from bench.target import Question
from bench.upstream.answers import MODEL
from tests.support.ports import free_port
from tests.support.system import COMMAND, clean_environment, running

_PATIENCE_SECONDS = 60
_REST_SECONDS = 3
_SERVICES = ("edge", "keypool", "files", "redis", "up")

COLUMNS = (
    Column("start s", 2),
    Column("all MB"),
    Column("all, shared pages once MB"),
    *(Column(f"{name} MB") for name in _SERVICES),
)


def open_start(stage: Stage, _: ExitStack) -> Ways:
    """Prepare starts, each in a new data folder; programs and libraries are in the page cache."""
    upstream = stage.upstream()
    return {"gemini-balance up": lambda: _start(stage.folder, upstream, questions.gemini(MODEL))}


def _start(folder: Path, upstream: str, question: Question) -> Sample:
    port, token = free_port(), "sk-a-client-token-of-the-bench"
    data = folder / f"start-{port}"
    data.mkdir()
    settings = product_settings() | {
        "ALLOWED_TOKENS": json.dumps([token]),
        "BASE_URL": upstream,
        "KEYPOOL_LISTEN": f"127.0.0.1:{free_port()}",
        "FILES_LISTEN": f"127.0.0.1:{free_port()}",
        "OPS_PORT": str(free_port()),
    }
    command = (str(COMMAND), "up", "--port", str(port), "--data-dir", str(data / "data"))
    began = time.perf_counter()
    with (
        running_on(ALL),
        running(*command, log=data / "log", cwd=data, env=clean_environment(**settings)) as process,
    ):
        while not _is_answered(port, token, question):
            if time.perf_counter() - began > _PATIENCE_SECONDS:
                raise WrongAnswerError(f"no answer in time:\n{process.output()}")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        # What the start left behind is given back by then.
        time.sleep(_REST_SECONDS)
        processes = family(process.popen.pid, "up")
        pids = [pid for own in processes.values() for pid in own]
        return {
            "start s": seconds,
            "all MB": sum(map(resident_bytes, pids)) / 1e6,
            "all, shared pages once MB": sum(map(proportional_bytes, pids)) / 1e6,
        } | {f"{name} MB": sum(map(resident_bytes, own)) / 1e6 for name, own in processes.items()}


def _is_answered(port: int, token: str, question: Question) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        connection.request("POST", question.path, body=question.body, headers=headers)
        answer = connection.getresponse()
        return answer.status == 200 and question.check(answer.read())
    except OSError:
        return False
    finally:
        connection.close()


SCENARIOS = (
    Scenario(
        "start",
        "system",
        "From `gemini-balance up` to the first answer, and its memory at rest afterwards",
        COLUMNS,
        open_start,
        warms_up=False,
    ),
)
