"""`/v1/files` with OpenAI's real SDKs: the same files as in Gemini's dialect."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.samples import sample
from tests.support.system import Pool, System
from tests.support.two_clients import Two

GRANULE = 8 * 1024 * 1024


@pytest.fixture
async def gemini(system: System, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=system.url, headers={"x-goog-api-key": pool.token}, timeout=60
    ) as client:
        yield client


async def test_a_file_goes_there_and_back(sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.files.create(file=("fable.txt", b"the fox"), purpose="user_data")

    assert made.id.startswith("file-")
    assert (made.object, made.bytes, made.filename) == ("file", 7, "fable.txt")
    assert (made.purpose, made.status) == ("user_data", "processed")
    assert made.expires_at is not None
    assert 47 * 3600 < made.expires_at - made.created_at <= 48 * 3600
    assert await sdk.files.retrieve(made.id) == made
    assert (await sdk.files.content(made.id)).content == b"the fox"
    assert [file async for file in await sdk.files.list()] == [made]
    deleted = await sdk.files.delete(made.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "file", True)
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}"):
        await sdk.files.retrieve(made.id)


async def test_the_sdk_for_node_puts_the_file_before_its_purpose(
    system: System, pool: Pool
) -> None:
    made, found, content, listed, deleted = await run_client(
        NODE, str(CLIENTS / "openai_files.js"), system.url, stdin=pool.token
    )

    assert made["made"]["purpose"] == "assistants"
    assert found["found"] == made["made"]
    assert content["content"] == "the fox and the crow"
    assert listed["listed"] == [made["made"]["id"]]
    assert deleted["deleted"] is True


async def test_a_file_of_several_granules_arrives_whole(
    system: System, sdk: openai.AsyncOpenAI
) -> None:
    data = sample(0, 2 * GRANULE + 12_345)

    made = await sdk.files.create(file=("large.txt", data), purpose="user_data")

    assert made.bytes == len(data)
    async with system.control() as control:
        digest = await control.file_sha256(made.id.removeprefix("file-"))
    assert digest == hashlib.sha256(data).hexdigest()
    async with sdk.files.with_streaming_response.content(made.id) as content:
        back = hashlib.sha256()
        async for piece in content.iter_bytes():
            back.update(piece)
    assert back.hexdigest() == digest


class TestBothDialects:
    async def test_what_one_uploads_the_other_sees(
        self, sdk: openai.AsyncOpenAI, gemini: httpx.AsyncClient
    ) -> None:
        ours = await sdk.files.create(file=("a.txt", b"a"), purpose="vision")
        started = await gemini.post(
            "/upload/v1beta/files",
            headers={"x-goog-upload-protocol": "raw", "x-goog-upload-file-name": "b.txt"},
            content=b"bb",
        )
        theirs = started.json()["file"]

        listed = {file.id: file async for file in await sdk.files.list()}
        assert set(listed) == {ours.id, f"file-{theirs['name'].removeprefix('files/')}"}
        found = listed[f"file-{theirs['name'].removeprefix('files/')}"]
        assert (found.purpose, found.bytes) == ("user_data", 2)
        name = f"files/{ours.id.removeprefix('file-')}"
        described = (await gemini.get(f"/v1beta/{name}")).json()
        assert (described["name"], described["displayName"]) == (name, "a.txt")
        assert "purpose" not in described, "Gemini's SDKs refuse fields that they do not know"
        assert (await gemini.delete(f"/v1beta/{name}")).status_code == 200
        with pytest.raises(openai.NotFoundError):
            await sdk.files.retrieve(ours.id)

    async def test_no_other_client_sees_it(self, two: Two) -> None:
        form: dict[str, Any] = {"files": {"file": ("a.txt", b"a")}, "data": {"purpose": "evals"}}
        made = (await two.client.post("/v1/files", **form)).json()["id"]

        for method, path in (
            ("GET", f"/v1/files/{made}"),
            ("GET", f"/v1/files/{made}/content"),
            ("DELETE", f"/v1/files/{made}"),
        ):
            answer = await two.other.request(method, path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]["message"] == f"No such File object: {made}"
        assert (await two.other.get("/v1/files")).json()["data"] == []
        assert (await two.client.get(f"/v1/files/{made}")).status_code == 200


class TestList:
    async def test_pages_in_both_orders_hold_every_file_once(self, sdk: openai.AsyncOpenAI) -> None:
        made = {
            (await sdk.files.create(file=(f"{number}.txt", b"x"), purpose="user_data")).id
            for number in range(5)
        }

        down = [file async for file in await sdk.files.list(limit=2)]
        up = [file.id async for file in await sdk.files.list(limit=2, order="asc")]

        ids = [file.id for file in down]
        assert set(ids) == made
        assert up == ids[::-1]
        times = [file.created_at for file in down]
        assert times == sorted(times, reverse=True)
        page = await sdk.files.list(limit=2, after=ids[1])
        assert ([file.id for file in page.data], page.has_more) == (ids[2:4], True)
        last = await sdk.files.list(limit=2, after=ids[2])
        assert ([file.id for file in last.data], last.has_more) == (ids[3:], False)

    async def test_a_purpose_picks_the_files(self, sdk: openai.AsyncOpenAI) -> None:
        await sdk.files.create(file=("a.txt", b"x"), purpose="vision")
        wanted = await sdk.files.create(file=("b.txt", b"x"), purpose="assistants")

        found = [file.id async for file in await sdk.files.list(purpose="assistants")]

        assert found == [wanted.id]

    @pytest.mark.parametrize(
        ("query", "status", "param"),
        [
            ("limit=0", 400, "limit"),
            ("limit=10001", 400, "limit"),
            ("limit=many", 400, "limit"),
            ("order=up", 400, "order"),
            ("after=file-nosuch", 404, "after"),
            ("after=nonsense", 404, "after"),
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self, system: System, pool: Pool, query: str, status: int, param: str
    ) -> None:
        async with system.client(pool) as client:
            answer = await client.get(f"/v1/files?{query}")

        assert answer.status_code == status
        assert answer.json()["error"]["param"] == param


def form_of(*parts: tuple[str, str, bytes]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a form whose parts come in this order."""
    body = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, more, value in parts
    )
    return {"content-type": "multipart/form-data; boundary=x"}, body + b"--x--\r\n"


FILE = ("file", '; filename="a.txt"', b"abc")


class TestBadForms:
    @pytest.mark.parametrize(
        ("parts", "param"),
        [
            ([("purpose", "", b"user_data")], "file"),
            ([FILE], "purpose"),
            ([("purpose", "", b"fun"), FILE], "purpose"),
            ([FILE, ("purpose", "", b"fun")], "purpose"),
            ([("purpose", "", b"user_data"), FILE, FILE], None),
            ([*[("a", "", b"")] * 65, FILE], None),
            ([("a", "", b"x" * 300_000), FILE], None),
        ],
    )
    async def test_a_form_that_cannot_be_meant_makes_no_file(
        self, system: System, pool: Pool, parts: list[tuple[str, str, bytes]], param: str | None
    ) -> None:
        headers, body = form_of(*parts)
        async with system.client(pool) as client:
            answer = await client.post("/v1/files", headers=headers, content=body)

            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["param"] == param
            assert (await client.get("/v1/files")).json()["data"] == []
        async with system.control() as control:
            assert not set(pool.keys) & set((await control.counts()).keys)

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            ({"content-type": "application/json"}, b"{}"),
            ({"content-type": "multipart/form-data"}, b"--x--"),
            ({"content-type": "multipart/form-data; boundary=x"}, b"nothing"),
            ({"content-type": "multipart/form-data; boundary=x"}, form_of(FILE)[1][:-9]),
        ],
    )
    async def test_what_is_no_form_is_refused(
        self, system: System, pool: Pool, headers: dict[str, str], body: bytes
    ) -> None:
        async with system.client(pool) as client:
            answer = await client.post("/v1/files", headers=headers, content=body)

        assert answer.status_code == 400, answer.text
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}

    @pytest.mark.parametrize("name", ["a%0d%0ax-evil:%201", "%e9%0a", "\x01"])
    async def test_the_name_of_a_field_becomes_no_header(
        self, system: System, pool: Pool, name: str
    ) -> None:
        headers, body = form_of(("purpose", "", b"vision"), ("odd", "", b""), FILE)
        body = body.replace(b'name="odd"', f"name*=utf-8''{name}".encode())
        async with system.client(pool) as client:
            answer = await client.post("/v1/files", headers=headers, content=body)

        assert answer.status_code == 200, answer.text
        assert answer.headers["x-gemini-balance-ignored"] == "(other)"
        assert "x-evil" not in answer.headers

    async def test_what_has_no_counterpart_is_named(self, system: System, pool: Pool) -> None:
        headers, body = form_of(
            ("purpose", "", b"batch"), ("expires_after[seconds]", "", b"3600"), FILE
        )
        async with system.client(pool) as client:
            answer = await client.post("/v1/files", headers=headers, content=body)

        assert answer.status_code == 200
        assert answer.headers["x-gemini-balance-ignored"] == "expires_after[seconds]"


async def test_googles_refusal_is_told_in_its_words(
    system: System, pool: Pool, sdk: openai.AsyncOpenAI
) -> None:
    body = {"error": {"code": 400, "message": "Unsupported", "status": "INVALID_ARGUMENT"}}
    async with system.control() as control:
        for key in pool.keys:
            await control.add_fault(
                "custom", key=key, verb="upload.start", status=400, body=body, count=None
            )

    with pytest.raises(openai.BadRequestError, match="Unsupported"):
        await sdk.files.create(file=("a.txt", b"a"), purpose="user_data")

    assert [file async for file in await sdk.files.list()] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v1/files", 405),
        ("POST", "/v1/files/file-a", 405),
        ("DELETE", "/v1/files/file-a/content", 405),
        ("GET", "/v1/files/file-a", 404),
        ("GET", "/v1/files/a", 404),
        ("GET", "/v1/files/file-A", 404),
        ("GET", "/v1/files/file-a/contents", 404),
        ("GET", "/v1/files/file-a/content/x", 404),
    ],
)
async def test_paths_that_are_not_there(
    system: System, pool: Pool, method: str, path: str, status: int
) -> None:
    async with system.client(pool) as client:
        answer = await client.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
