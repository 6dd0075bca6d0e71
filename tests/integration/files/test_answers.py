"""Kept answers over the contract."""

from typing import Any

import grpc
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.errors import RemoteError
from tests.support.files import Files, World, noise

LARGEST = 3 * 1024 * 1024
ANN = {"client_id": "ann", "pool": "default"}


async def call(files: Files, name: str, **fields: Any) -> Any:
    stub = files_pb2_grpc.FilesServiceStub(files.channel)
    request = getattr(pb, f"{name}Request")(**(ANN | {"answer_id": "resp_1"} | fields))
    try:
        return await getattr(stub, name)(request, timeout=30, metadata=files.metadata)
    except grpc.aio.AioRpcError as error:
        raise RemoteError(error) from error


async def refused(files: Files, name: str, **fields: Any) -> str:
    with pytest.raises(RemoteError) as caught:
        await call(files, name, **fields)
    return caught.value.reason or ""


async def test_an_answer_comes_back_to_its_client(world: World) -> None:
    for content in (b"x", noise(LARGEST)):
        put = await call(world.files, "PutAnswer", content=content)

        assert put.HasField("expire_time")
        assert (await call(world.files, "GetAnswer")).content == content
    assert await refused(world.files, "GetAnswer", client_id="bob") == "ANSWER_UNKNOWN"
    assert await refused(world.files, "GetAnswer", pool="other") == "ANSWER_UNKNOWN"


async def test_a_forgotten_one(world: World) -> None:
    await call(world.files, "PutAnswer", content=b"x")

    await call(world.files, "DeleteAnswer")

    assert await refused(world.files, "GetAnswer") == "ANSWER_UNKNOWN"
    assert await refused(world.files, "DeleteAnswer") == "ANSWER_UNKNOWN"


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129, "ä"])
async def test_what_is_no_name(world: World, name: str) -> None:
    for method in ("GetAnswer", "DeleteAnswer"):
        assert await refused(world.files, method, answer_id=name) == "INVALID_REQUEST"


async def test_what_cannot_be_kept(world: World) -> None:
    assert await refused(world.files, "PutAnswer", content=b"") == "INVALID_REQUEST"
    too_long = noise(LARGEST + 1)
    assert await refused(world.files, "PutAnswer", content=too_long) == "ANSWER_TOO_LARGE"
