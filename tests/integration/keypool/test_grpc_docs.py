"""What `docs/grpc.md` shows works as it is written."""

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2

from services.keypool import errors
from services.kit import errors as kit_errors
from services.simulator.control import SimulatorControl
from tests.support.grpc_page import blocks, keypool_part, known_reasons, told_reasons
from tests.support.keypool import CREDENTIALS, Keypool, running_keypool, secrets_of
from tests.support.system import running_simulator_process

POOL = descriptor_pool.Default()
PART = keypool_part()
SERVICES = {
    service.full_name: service
    for descriptor in (keypool_pb2.DESCRIPTOR, admin_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR)
    for service in descriptor.services_by_name.values()
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_simulator_process(tmp_path_factory.mktemp("upstream")) as url:
        yield url


@pytest.fixture
async def keypool(redis_url: str, upstream: str) -> AsyncIterator[Keypool]:
    async with SimulatorControl(upstream) as control:
        await control.reset()
    async with running_keypool(redis_url, base_url=upstream) as running:
        yield running


async def run(
    *command: str, keypool: Keypool, upstream: str, credential: str = "batch-job"
) -> tuple[int, str]:
    """Run a command as the page says, and return its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ
        | {
            "KEYPOOL_TARGET": keypool.target,
            "KEYPOOL_CREDENTIAL": CREDENTIALS[credential][0],
            "ADMIN_CREDENTIAL": CREDENTIALS["operator"][0],
            "BASE_URL": upstream,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


class TestPython:
    async def test_the_example_asks_and_reports(self, keypool: Keypool, upstream: str) -> None:
        [key_id] = await keypool.add_keys(*secrets_of(1))
        [example] = blocks(PART, "python")

        code, output = await run(sys.executable, "-c", example, keypool=keypool, upstream=upstream)

        assert (code, bool(output.strip())) == (0, True), output
        key = await keypool.key(key_id)
        assert (key.success_count, key.failure_count, key.in_flight_count) == (1, 0, 0)

    async def test_the_example_reports_a_failure_for_the_pool_to_judge(
        self, keypool: Keypool, upstream: str
    ) -> None:
        [secret] = secrets_of(1)
        [key_id] = await keypool.add_keys(secret)
        async with SimulatorControl(upstream) as control:
            await control.put_key(secret, state="invalid")
        [example] = blocks(PART, "python")

        code, output = await run(sys.executable, "-c", example, keypool=keypool, upstream=upstream)

        assert code == 1, output
        key = await keypool.key(key_id)
        assert (key.failure_count, key.state) == (1, admin_pb2.Key.STATE_DEAD)

    async def test_the_example_reads_errors_and_refusals(
        self, keypool: Keypool, upstream: str
    ) -> None:
        [example] = blocks(PART, "python")

        refused, why = await run(sys.executable, "-c", example, keypool=keypool, upstream=upstream)
        failed, what = await run(
            *(sys.executable, "-c", example),
            keypool=keypool,
            upstream=upstream,
            credential="operator",
        )

        assert (refused, failed) == (1, 1)
        assert "no key: REASON_POOL_EMPTY" in why
        assert "PERMISSION_DENIED" in what
        assert "reason=SCOPE_MISSING" in what


class TestGrpcurl:
    @pytest.mark.parametrize("block", blocks(PART, "sh"))
    def test_every_call_is_one_of_the_contract(self, block: str) -> None:
        words = shlex.split(block.replace("\\\n", " ").replace("$(", "").replace("|", " "))
        calls = [word.split("/") for word in words if re.fullmatch(r"[\w.]+\.[A-Z]\w+/\w+", word)]
        bodies = [words[at + 1] for at, word in enumerate(words) if word == "-d"]

        assert len(calls) == len(bodies) > 0
        for (service, method), body in zip(calls, bodies, strict=True):
            request = SERVICES[service].methods_by_name[method].input_type.full_name
            message = message_factory.GetMessageClass(POOL.FindMessageTypeByName(request))()
            # Raises for a name or a value that the message does not have.
            json_format.ParseDict(json.loads(body), message)

    @pytest.mark.conformance
    async def test_the_lines_run(self, keypool: Keypool, upstream: str) -> None:
        await keypool.add_keys(*secrets_of(1), project="my-project")

        for block in blocks(PART, "sh"):
            code, output = await run(
                *("bash", "-euo", "pipefail", "-c", block), keypool=keypool, upstream=upstream
            )
            assert code == 0, output
            assert "KIND_UNKNOWN" not in output

        assert not (await keypool.acquire()).refusal.reason


def test_every_reason_is_on_the_page() -> None:
    assert told_reasons(PART) == known_reasons(errors, kit_errors)
