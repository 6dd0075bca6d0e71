"""What belongs to a project is reached with its keys, and by its owner alone."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest

from services.simulator.faults import FaultKind
from tests.support.system import System
from tests.support.two_clients import ASK, FLASH, GENERATE, Two

LONG = {"role": "user", "parts": [{"text": "word " * 1200}]}
UNKNOWN = {
    "cachedContents": 403,
    "batches": 404,
    "operations": 404,
    f"models/{FLASH}/operations": 404,
    "tunedModels": 404,
    "fileSearchStores": 404,
    "interactions": 404,
}


async def make(client: httpx.AsyncClient, kind: str, version: str = "v1beta") -> str:
    """Make a thing and return its name."""
    path, body = {
        "cachedContents": ("cachedContents", {"model": f"models/{FLASH}", "contents": [LONG]}),
        "batches": (f"models/{FLASH}:batchGenerateContent", batch(ASK)),
        "operations": (
            "models/veo-3.1-generate-preview:predictLongRunning",
            {"instances": [{"prompt": "a cat"}]},
        ),
        "tunedModels": ("tunedModels", {"baseModel": f"models/{FLASH}"}),
        "fileSearchStores": ("fileSearchStores", {"displayName": "docs"}),
        "interactions": ("interactions", {"model": FLASH, "input": "hi"}),
    }[kind]
    answer = await client.post(f"/{version}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    if kind == "interactions":
        return f"interactions/{made['id']}"
    name: str = made.get("metadata", {}).get("tunedModel") or made["name"]
    return name


def batch(*requests: dict[str, Any]) -> dict[str, Any]:
    rows = [{"request": request} for request in requests]
    return {"batch": {"inputConfig": {"requests": {"requests": rows}}}}


KINDS = [
    *("cachedContents", "batches", "operations"),
    *("tunedModels", "fileSearchStores", "interactions"),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_found_again_whatever_key_is_next(two: Two, kind: str) -> None:
    names = [await make(two.client, kind) for _ in range(5)]
    await two.rotate()

    for _ in range(2):
        for name in names:
            answer = await two.client.get(f"/v1beta/{name}")
            assert answer.status_code == 200, answer.text
            found = answer.json()
            assert name in {found.get("name"), f"interactions/{found.get('id')}"}
            assert answer.headers["x-gemini-balance-attempts"] == "1"
    keys = {answer.headers["x-gemini-balance-key"] for answer in await reads(two, names)}
    assert len(keys) > 1


async def reads(two: Two, names: list[str]) -> list[httpx.Response]:
    return await asyncio.gather(*(two.client.get(f"/v1beta/{name}") for name in names))


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_else_reaches_it(system: System, two: Two, kind: str) -> None:
    name = await make(two.client, kind)
    status = UNKNOWN[kind]
    before = await two.sent()

    answers = [
        await two.other.get(f"/v1beta/{name}"),
        await two.other.delete(f"/v1beta/{name}"),
        await two.other.patch(f"/v1beta/{name}", json={"ttl": "1s"}),
        await two.other.post(f"/v1beta/{name}:cancel"),
        await two.other.get(f"/v1beta/{name}/documents"),
        await two.other.post(f"/v1beta/{name}/cancel"),
        await two.client.get(f"/v1beta/{name}x"),
        await two.client.delete(f"/v1beta/{name}x"),
    ]

    assert {answer.status_code for answer in answers} == {status}
    words = {answer.json()["error"]["status"] for answer in answers}
    assert words == {"PERMISSION_DENIED" if status == 403 else "NOT_FOUND"}
    assert await two.sent() == before
    assert (await two.client.get(f"/v1beta/{name}")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {**ASK, "cachedContent": "CACHE"},
        {**ASK, "cached_content": "CACHE"},
        {**ASK, "tools": [{"fileSearch": {"fileSearchStoreNames": ["STORE"]}}]},
        {**ASK, "tools": [{"file_search": {"file_search_store_names": ["STORE"]}}]},
    ],
)
async def test_what_is_cited_decides_the_project(
    system: System, two: Two, body: dict[str, Any]
) -> None:
    names = {
        "CACHE": await make(two.client, "cachedContents"),
        "STORE": await make(two.client, "fileSearchStores"),
    }
    text = json.dumps(body)
    for mark, name in names.items():
        text = text.replace(mark, name)
    paths = [GENERATE, GENERATE.replace("generateContent", "streamGenerateContent")]

    for _ in range(9):
        for path in paths:
            answer = await two.client.post(path, content=text)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-gemini-balance-attempts"] == "1"
    before = await two.sent()
    for path in paths:
        assert (await two.other.post(path, content=text)).status_code in {403, 404}
    assert await two.sent() == before


async def test_lists_show_the_clients_own_over_all_projects(two: Two) -> None:
    names = [await make(two.client, "cachedContents") for _ in range(12)]
    foreign = await make(two.other, "cachedContents")

    found: list[str] = []
    token, sizes = "", []
    while True:
        query = {"pageSize": "5", "pageToken": token}
        page = (await two.client.get("/v1beta/cachedContents", params=query)).json()
        found += [item["name"] for item in page["cachedContents"]]
        sizes.append(len(page["cachedContents"]))
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert found == names[::-1]
    assert sizes == [5, 5, 2]
    theirs = (await two.other.get("/v1beta/cachedContents")).json()["cachedContents"]
    assert [item["name"] for item in theirs] == [foreign]
    assert theirs[0]["usageMetadata"]["totalTokenCount"] > 1000


@pytest.mark.parametrize(
    ("kind", "path", "field"),
    [
        ("batches", "batches", "operations"),
        ("operations", "models/veo-3.1-generate-preview/operations", "operations"),
        ("tunedModels", "tunedModels", "tunedModels"),
        ("fileSearchStores", "fileSearchStores", "fileSearchStores"),
    ],
)
async def test_every_collection_has_its_list(two: Two, kind: str, path: str, field: str) -> None:
    assert (await two.client.get(f"/v1beta/{path}")).json() == {}
    names = [await make(two.client, kind) for _ in range(3)]

    page = (await two.client.get(f"/v1beta/{path}")).json()

    assert [item["name"] for item in page[field]] == names[::-1]


async def test_what_is_gone_is_left_out_and_the_page_filled(system: System, two: Two) -> None:
    names = [await make(two.client, "batches") for _ in range(6)]
    # Behind the edge's back, with the keys themselves.
    async with httpx.AsyncClient(base_url=system.simulator_url) as upstream:
        for name in names[2:5]:
            for key in two.pool.keys:
                await upstream.delete(f"/v1beta/{name}", headers={"x-goog-api-key": key})

    page = (await two.client.get("/v1beta/batches?pageSize=3")).json()

    assert [item["name"] for item in page["operations"]] == [names[5], names[1], names[0]]
    assert "nextPageToken" not in page


@pytest.mark.parametrize("verb", ["get", "delete"])
async def test_what_only_cannot_be_asked_for_stays_its_owners(
    system: System, two: Two, verb: str
) -> None:
    name = await make(two.client, "batches")
    error = {"code": 404, "message": "Method not found.", "status": "NOT_FOUND"}
    async with system.control() as control:
        for key in two.pool.keys:
            options = {"status": 404, "body": {"error": error}}
            await control.add_fault("custom", key=key, verb=f"batches.{verb}", **options)

    if verb == "get":
        assert (await two.client.get("/v1beta/batches")).json() == {}
    else:
        assert (await two.client.delete(f"/v1beta/{name}")).status_code == 404
    async with system.control() as control:
        await control.clear_faults()

    assert (await two.client.get(f"/v1beta/{name}")).status_code == 200
    page = (await two.client.get("/v1beta/batches")).json()
    assert [item["name"] for item in page["operations"]] == [name]


async def test_long_descriptions_do_not_make_long_pages(system: System, two: Two) -> None:
    names = [await make(two.client, "batches") for _ in range(12)]
    bodies = {
        "longer than any page": (2**21, 12, [{"name", "createTime"}] * 12),
        "many long ones": (2**20 - 1000, 8, [{"name", "x"}] * 8),
    }
    for size, items, fields in bodies.values():
        body = {"name": "batches/b", "x": "x" * size}
        async with system.control() as control:
            options = {"status": 200, "body": body, "count": None}
            await control.add_fault("custom", verb="batches.get", **options)
        page = (await two.client.get("/v1beta/batches")).json()
        async with system.control() as control:
            await control.clear_faults()

        assert [set(item) for item in page["operations"]] == fields
        assert ("nextPageToken" in page) is (items < len(names))


@pytest.mark.parametrize("query", ["pageToken=nonsense", "pageSize=-1", "pageSize=many"])
async def test_pages_that_make_no_sense(two: Two, query: str) -> None:
    answer = await two.client.get(f"/v1beta/cachedContents?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_deleting_forgets(system: System, two: Two) -> None:
    name = await make(two.client, "cachedContents")

    assert (await two.client.delete(f"/v1beta/{name}")).json() == {}
    before = await two.sent()
    assert (await two.client.get(f"/v1beta/{name}")).status_code == 403
    assert (await two.client.get("/v1beta/cachedContents")).json() == {}
    assert await two.sent() == before


async def test_a_cache_lives_on_when_its_end_is_moved(two: Two) -> None:
    body = {"model": f"models/{FLASH}", "contents": [LONG], "ttl": "1s"}
    made = (await two.client.post("/v1beta/cachedContents", json=body)).json()
    path = f"/v1beta/{made['name']}"

    longer = await two.client.patch(f"{path}?updateMask=ttl", json={"ttl": "600s"})
    await asyncio.sleep(1.2)

    assert longer.status_code == 200
    assert (await two.client.get(path)).status_code == 200


class TestBelow:
    async def test_documents_and_operations_follow_their_store(self, two: Two) -> None:
        store = await make(two.client, "fileSearchStores")
        path = f"/upload/v1beta/{store}:uploadToFileSearchStore"
        head = {"x-goog-upload-protocol": "raw", "content-type": "text/plain"}
        made = await two.client.post(path, content=b"hello", headers=head)
        assert made.status_code == 200, made.text
        operation = (await two.client.get(f"/v1beta/{made.json()['name']}")).json()
        document = operation["response"]["documentName"]

        for _ in range(5):
            assert (await two.client.get(f"/v1beta/{document}")).json()["name"] == document
            listed = (await two.client.get(f"/v1beta/{store}/documents")).json()
            assert [item["name"] for item in listed["documents"]] == [document]
        before = await two.sent()
        assert (await two.other.get(f"/v1beta/{document}")).status_code == 404
        stranger = await two.other.post(path, content=b"hello", headers=head)
        assert stranger.status_code == 404
        assert await two.sent() == before
        assert (await two.client.delete(f"/v1beta/{document}")).status_code == 200
        assert (await two.client.get(f"/v1beta/{store}")).status_code == 200

    async def test_files_are_imported_where_they_lie(self, two: Two) -> None:
        store, file = await make(two.client, "fileSearchStores"), await two.upload()
        foreign = await two.upload(by=two.other)
        path = f"/v1beta/{store}:importFile"

        mine = await two.client.post(path, json={"fileName": file})
        theirs = await two.client.post(path, json={"file_name": foreign})

        assert mine.status_code == 200, mine.text
        assert theirs.status_code == 403

    async def test_a_name_that_is_taken_stays_its_owners(self, two: Two) -> None:
        chosen = f"/v1beta/tunedModels?tunedModelId=mine-{secrets.token_hex(4)}"
        body = {"baseModel": f"models/{FLASH}"}
        first = await two.client.post(chosen, json=body)
        before = await two.sent()
        again = [await client.post(chosen, json=body) for client in (two.client, two.other)]

        assert first.status_code == 200
        assert {answer.status_code for answer in again} == {409}
        assert {answer.json()["error"]["status"] for answer in again} == {"ALREADY_EXISTS"}
        assert await two.sent() == before
        name = first.json()["metadata"]["tunedModel"]
        assert (await two.client.get(f"/v1beta/{name}")).status_code == 200
        assert (await two.other.get(f"/v1beta/{name}")).status_code == 404

    async def test_tuned_models_generate_in_their_project(self, two: Two) -> None:
        names = [await make(two.client, "tunedModels") for _ in range(3)]
        for name in names * 3:
            for verb in ("generateContent", "streamGenerateContent", "countTokens"):
                answer = await two.client.post(f"/v1beta/{name}:{verb}", json=ASK)
                assert answer.status_code == 200, answer.text
        stranger = await two.other.post(f"/v1beta/{names[0]}:generateContent", json=ASK)
        assert stranger.status_code == 404


class TestInteractions:
    async def test_a_conversation_stays_in_its_project(self, two: Two) -> None:
        last = (await make(two.client, "interactions")).removeprefix("interactions/")
        for at in range(6):
            body = {"model": FLASH, "input": "and?", "previous_interaction_id": last}
            answer = await two.client.post("/v1/interactions", json=body | {"stream": at % 2 == 0})
            assert answer.status_code == 200, answer.text
            if at % 2:
                last = answer.json()["id"]
            else:
                assert answer.text.endswith("data: [DONE]\n\n")
                first = answer.text.partition("data: ")[2].partition("\n")[0]
                last = json.loads(first)["interaction"]["id"]
            await two.rotate()
        body = {"model": FLASH, "input": "x", "previous_interaction_id": last}
        assert (await two.other.post("/v1beta/interactions", json=body)).status_code == 404
        again = await two.client.get(f"/v1beta/interactions/{last}?stream=true")
        assert "interaction.completed" in again.text

    async def test_what_is_not_stored_is_not_bound(self, system: System, two: Two) -> None:
        body = {"model": FLASH, "input": "hi", "store": False}
        made = (await two.client.post("/v1beta/interactions", json=body)).json()
        before = await two.sent()

        answer = await two.client.get(f"/v1beta/interactions/{made['id']}")

        assert answer.status_code == 404
        assert await two.sent() == before

    @pytest.mark.parametrize("kind", ["truncate", "drop_midstream", "error_chunk"])
    async def test_a_stream_that_breaks_says_so(
        self, system: System, two: Two, kind: FaultKind
    ) -> None:
        async with system.control() as control:
            for key in two.pool.keys:
                options = {"key": key, "verb": "interactions.create", "after_chunks": 2}
                await control.add_fault(kind, **options)
        body = {"model": FLASH, "input": "hi", "stream": True}

        answer = await two.client.post("/v1beta/interactions", json=body)

        assert "interaction.created" in answer.text
        last = json.loads(answer.text.rstrip().rpartition("data: ")[2])
        assert last["event_type"] == "error"
        assert last["error"]["message"]
        assert "[DONE]" not in answer.text

    async def test_it_is_cancelled_where_it_runs(self, system: System, two: Two) -> None:
        async with system.control() as control:
            await control.set_behaviour(job_seconds=600)
            body = {"model": FLASH, "input": "hi", "background": True}
            try:
                made = (await two.client.post("/v1beta/interactions", json=body)).json()
            finally:
                await control.set_behaviour(job_seconds=0)
        path = f"/v1beta/interactions/{made['id']}/cancel"

        assert (await two.other.post(path)).status_code == 404
        assert (await two.client.post(path)).json()["status"] == "cancelled"


async def test_ephemeral_tokens_are_made(two: Two) -> None:
    made = await two.client.post("/v1alpha/auth_tokens", json={"uses": 1})

    assert made.json()["name"].startswith("auth_tokens/")
    assert (await two.client.get("/v1alpha/auth_tokens")).status_code == 405


async def test_registering_files_is_refused_clearly(two: Two) -> None:
    answer = await two.client.post("/v1beta/files:register", json={"uris": ["gs://b/o"]})

    assert answer.status_code == 501
    assert "Upload the file instead" in answer.json()["error"]["message"]
