"""What `docs/grpc.md` says of the files service is so."""

import textwrap
from typing import Any

from gemini_balance.files.v1 import files_pb2, files_pb2_grpc

from services.files import errors
from tests.support.files import World, noise, sha256
from tests.support.grpc_page import blocks, files_part, known_reasons, told_reasons


async def test_the_example_uploads_a_file(world: World) -> None:
    caller = world.files.as_client("", caller="batch-job")
    content = noise(700_000)
    said: list[str] = []
    names: dict[str, Any] = {
        "files_pb2": files_pb2,
        "stub": files_pb2_grpc.FilesServiceStub(world.files.channel),
        "auth": caller.metadata,
        "pieces": [content[:256_000], content[256_000:]],
        "print": said.append,
    }
    [example] = blocks(files_part(), "python")

    exec(f"async def example():\n{textwrap.indent(example, '    ')}", names)
    await names["example"]()

    assert await world.sim.file_sha256(said[0]) == sha256(content)
    assert [file.name for file in await caller.listed()] == said


def test_every_reason_is_on_the_page() -> None:
    assert told_reasons(files_part()) == known_reasons(errors)
