"""Files over Gemini's routes: read, listed and deleted, each by its owner alone."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.simulator.control import ControlError, SimulatorControl
from tests.e2e.uploads.uploading import FILES, Uploader, content
from tests.support.system import Pool, System

NOT_YOURS = "You do not have permission to access the File {} or it may not exist."
ROOTS = ["/v1beta", "/v1", "/v1alpha", "/gemini/v1beta"]


async def ask(
    client: Uploader, method: str, path: str, token: str = "", **params: Any
) -> httpx.Response:
    """Ask for files as Gemini's clients do."""
    headers = {"x-goog-api-key": token or client.token}
    return await client.http.request(method, path, headers=headers, params=params)


def refused(answer: httpx.Response, status: int, google_status: str, message: str = "") -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (status, google_status)
    assert message in error["message"]


async def token_of_another(system: System, pool: Pool, **fields: Any) -> str:
    """Return the token of another client of the same pool."""
    async with system.admin() as admin:
        request = pb.CreateTokenRequest(name=f"{pool.name}-other", pool=pool.name, **fields)
        secret: str = (await admin.call("CreateToken", request)).secret
    system.secrets.append(secret)
    return secret


@pytest.mark.parametrize("root", ROOTS)
async def test_the_life_of_a_file(client: Uploader, control: SimulatorControl, root: str) -> None:
    data = content(1000)
    made = await client.upload(data, {"file": {"displayName": "x"}}, mime_type="image/png")
    name = made["name"]

    got = await ask(client, "GET", f"{root}/{name}")
    assert got.status_code == 200
    assert got.json() == made
    assert got.headers["content-type"] == "application/json; charset=UTF-8"
    listed = await ask(client, "GET", f"{root}/files")
    assert listed.json() == {"files": [made]}

    deleted = await ask(client, "DELETE", f"{root}/{name}")
    assert deleted.status_code == 200
    assert deleted.json() == {"success": True, "message": "File deleted successfully"}
    file_id = name.removeprefix("files/")
    for method in ("GET", "DELETE"):
        answer = await ask(client, method, f"{root}/{name}")
        refused(answer, 403, "PERMISSION_DENIED", NOT_YOURS.format(file_id))
    assert (await ask(client, "GET", f"{root}/files")).json() == {"files": []}
    with pytest.raises(ControlError, match="404"):
        await control.file_sha256(name)


async def test_what_a_description_says(client: Uploader) -> None:
    made = await client.upload(b"12345", {"file": {"displayName": "x"}}, mime_type="image/png")

    assert made["sizeBytes"] == "5"
    assert made["state"] == "ACTIVE"
    for field in ("createTime", "updateTime", "expirationTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made[field])
    assert made["uri"].endswith(f"/v1beta/{made['name']}")
    assert made["sha256Hash"]


@pytest.mark.parametrize("carrier", ["authorization", "x-goog-api-key", "x-api-key", "key"])
async def test_each_carrier_of_a_token(client: Uploader, carrier: str) -> None:
    headers, params = {}, {}
    if carrier == "key":
        params["key"] = client.token
    else:
        bearer = "Bearer " if carrier == "authorization" else ""
        headers[carrier] = f"{bearer}{client.token}"

    listed = await client.http.get("/v1beta/files", headers=headers, params=params)
    started = await client.http.post(FILES, json={}, headers=headers, params=params)

    assert (listed.status_code, started.status_code) == (200, 200)


async def test_pages_hold_each_file_once_newest_first(client: Uploader) -> None:
    made = [(await client.upload(b"1", mime_type="image/png"))["name"] for _ in range(12)]

    async def pages(**params: Any) -> list[list[str]]:
        found, token = list[list[str]](), ""
        while True:
            more = {"pageToken": token} if token else {}
            page = (await ask(client, "GET", "/v1beta/files", **params, **more)).json()
            found.append([file["name"] for file in page["files"]])
            if not (token := page.get("nextPageToken", "")):
                return found

    newest_first = made[::-1]
    assert await pages() == [newest_first[:10], newest_first[10:]]
    assert await pages(pageSize=5) == [newest_first[:5], newest_first[5:10], newest_first[10:]]
    assert await pages(page_size=100) == [newest_first]


@pytest.mark.parametrize("size", ["0", "101", "-1", "ten", "1.5", "\xb2", "9" * 30])
async def test_page_sizes_that_cannot_be(client: Uploader, size: str) -> None:
    answer = await ask(client, "GET", "/v1beta/files", pageSize=size)

    refused(answer, 400, "INVALID_ARGUMENT", "pageSize")


@pytest.mark.parametrize("token", ["x", "10", "AAAA", "%00", "../..", "x" * 3000, "\u4f60"])
async def test_page_tokens_that_are_none(client: Uploader, token: str) -> None:
    answer = await ask(client, "GET", "/v1beta/files", pageToken=token)

    refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "name",
    [
        *("UPPER", "a_b", "a.b", "-a", "a-", "a%20b", "x" * 200, "%E4%BD%A0", "a/b", ""),
        *("a:download/b", "a:frobnicate", "a:"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_names_that_cannot_be(client: Uploader, method: str, name: str) -> None:
    answer = await ask(client, method, f"/v1beta/files/{name}")

    assert answer.status_code in {400, 404}, answer.text
    assert answer.json()["error"]["code"] == answer.status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/v1beta/files"), ("POST", "/v1beta/files/abc"), ("PATCH", "/v1beta/files/abc")],
)
async def test_methods_that_are_not_for_files(client: Uploader, method: str, path: str) -> None:
    refused(await ask(client, method, path), 405, "INVALID_ARGUMENT")


async def test_another_client_has_no_way_to_a_file(
    system: System, pool: Pool, client: Uploader
) -> None:
    made = await client.upload(b"12345", mime_type="image/png")
    name, file_id = made["name"], made["name"].removeprefix("files/")
    strangers = [await token_of_another(system, pool), (await system.new_pool(1)).token]

    for token in strangers:
        for method, path in [
            ("GET", f"/v1beta/{name}"),
            ("GET", f"/v1/{name}"),
            ("DELETE", f"/v1beta/{name}"),
            ("GET", f"/v1beta/{name}:download"),
            ("GET", f"/download/v1beta/{name}:download"),
        ]:
            answer = await ask(client, method, path, token, alt="media")
            unknown = await ask(
                client, method, path.replace(file_id, "nobodys-1"), token, alt="media"
            )
            refused(answer, 403, "PERMISSION_DENIED", NOT_YOURS.format(file_id))
            refused(unknown, 403, "PERMISSION_DENIED", NOT_YOURS.format("nobodys-1"))
        assert (await ask(client, "GET", "/v1beta/files", token)).json() == {"files": []}
    assert (await ask(client, "GET", f"/v1beta/{name}")).json() == made


async def test_a_token_of_one_page_is_none_for_another_client(
    system: System, pool: Pool, client: Uploader
) -> None:
    for _ in range(2):
        await client.upload(b"1", mime_type="image/png")
    page = (await ask(client, "GET", "/v1beta/files", pageSize=1)).json()
    other = await token_of_another(system, pool)

    answer = await ask(client, "GET", "/v1beta/files", other, pageToken=page["nextPageToken"])

    assert answer.status_code == 400 or answer.json() == {"files": []}


async def test_a_token_without_the_scope(system: System, pool: Pool, client: Uploader) -> None:
    token = await token_of_another(system, pool, scopes=["models"])
    headers = {"x-goog-api-key": token}

    answers = [
        await ask(client, "GET", "/v1beta/files", token),
        await ask(client, "GET", "/v1beta/files/abc", token),
        await ask(client, "DELETE", "/v1beta/files/abc", token),
        await client.http.post(FILES, json={}, headers=headers),
    ]

    for answer in answers:
        refused(answer, 403, "PERMISSION_DENIED", "scope 'files'")


async def test_an_uploaded_file_that_was_kept_is_given_back(client: Uploader) -> None:
    made = await client.upload(b"12345", mime_type="image/png")

    for path in (f"/v1beta/{made['name']}:download", f"/download/v1/{made['name']}:download"):
        answer = await ask(client, "GET", path, alt="media")
        # Google itself never gives back what was brought to it.
        assert (answer.status_code, answer.content) == (200, b"12345")


async def test_uploads_at_the_same_time_keep_apart(
    client: Uploader, control: SimulatorControl
) -> None:
    made = await asyncio.gather(
        *[client.upload(content(300_000, seed), mime_type="image/png") for seed in range(12)]
    )

    names = [file["name"] for file in made]
    assert len(set(names)) == 12
    hashes = {await control.file_sha256(name) for name in names}
    assert len(hashes) == 12


async def test_readiness_shows_the_files_service(client: Uploader) -> None:
    answer = await client.http.get("/readyz")

    assert answer.json()["parts"]["files"] == "ok"
