"""What an upload became is bound to its client, and takes no name from another."""

from datetime import UTC, datetime

import orjson
import pytest

from services.files.finishing import Finisher
from services.files.leases import Owner
from services.files.uploads import Answer, Upload, UploadOrder, UploadState
from tests.support.memory_pool import MemoryPool
from tests.support.memory_uploads import MemoryUploads

NAME = "files/victim"
MADE = Answer(200, "application/json", orjson.dumps({"file": {"name": NAME}}))


async def unwanted(upload: Upload, answer: Answer) -> None:
    raise AssertionError("nobody has given it up")


async def finalized(pool: MemoryPool, *, name: str = "") -> Upload:
    store = MemoryUploads()
    order = UploadOrder("ada", "default", "upload/v1beta/files", b"", name=name)
    await store.create("u", order, "")
    upload = await store.begin("u", "")
    assert upload is not None
    await store.choose(upload, "p")
    upload = await store.begin("u", "")
    assert upload is not None
    return await Finisher(store, pool, unwanted).finalize(upload, MADE, 10)


@pytest.mark.parametrize(
    "owner", [Owner("p", "bob", datetime.now(UTC)), Owner("q", "ada", datetime.now(UTC))]
)
async def test_a_name_that_is_another_s_stays_so(owner: Owner) -> None:
    pool = MemoryPool()
    pool.bound[NAME] = owner

    upload = await finalized(pool)

    assert upload.state is UploadState.FAILED
    assert upload.answer is not None
    assert upload.answer.status == 409
    assert pool.bound == {NAME: owner}


@pytest.mark.parametrize(
    ("bound", "name"),
    [
        ({}, ""),
        ({NAME: Owner("p", "ada", datetime.now(UTC))}, ""),
        ({NAME: Owner("q", "ada", datetime.now(UTC))}, NAME),
    ],
)
async def test_a_new_name_one_bound_before_and_a_reserved_one_are_the_client_s(
    bound: dict[str, Owner], name: str
) -> None:
    pool = MemoryPool()
    pool.bound = bound

    upload = await finalized(pool, name=name)

    assert (upload.state, upload.file) == (UploadState.FINALIZED, NAME)
    assert (pool.bound[NAME].project_id, pool.bound[NAME].client_id) == ("p", "ada")
