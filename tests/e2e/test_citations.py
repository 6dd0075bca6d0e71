"""Files in requests: one key reaches all of them, or the client is told what to do."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.two_clients import FLASH, GENERATE, Two

GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
COUNT = GENERATE.replace("generateContent", "countTokens")
STREAM = GENERATE.replace("generateContent", "streamGenerateContent")
CHAT = "/v1/chat/completions"


def uri(name: str) -> str:
    return f"{GOOGLE}/{name}"


def citing(*names: str, text: str = "compare these") -> dict[str, Any]:
    files = [{"fileData": {"fileUri": uri(name), "mimeType": "text/plain"}} for name in names]
    return {"contents": [{"role": "user", "parts": [*files, {"text": text}]}]}


def chat(*names: str, **more: Any) -> dict[str, Any]:
    """Cite files as OpenAI's clients can, in every way that there is."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "compare these"}]
    for at, name in enumerate(names):
        if at % 4 == 0:
            parts.append({"type": "file", "file": {"file_id": name}})
        elif at % 4 == 1:
            file_id = name.replace("files/", "file-")
            parts.append({"type": "file", "file": {"file_id": file_id}})
        elif at % 4 == 2:
            parts.append({"type": "image_url", "image_url": {"url": uri(name)}})
        else:
            url = f"http://gateway.example:8000/v1beta/{name}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"model": FLASH, "messages": [{"role": "user", "content": parts}], **more}


def batch(*names: str) -> dict[str, Any]:
    rows = [{"request": citing(name)} for name in names]
    return {"batch": {"inputConfig": {"requests": {"requests": rows}}}}


def cache(*names: str) -> dict[str, Any]:
    return {"model": f"models/{FLASH}", **citing(*names, text="word " * 1200)}


async def five_files(two: Two) -> list[str]:
    """Upload five files while the keys rotate."""
    names = []
    for at in range(5):
        names.append(await two.upload(f"file {at}"))
        await two.rotate()
    return names


async def test_five_uploads_are_cited_in_one_request(two: Two) -> None:
    names = await five_files(two)
    requests = [
        (GENERATE, citing(*names)),
        (STREAM, citing(*names)),
        (COUNT, citing(*names)),
        (COUNT, {"generateContentRequest": {"model": f"models/{FLASH}", **citing(*names)}}),
        (f"/v1/models/{FLASH}:batchGenerateContent", batch(*names)),
        ("/v1beta/cachedContents", cache(*names)),
        (CHAT, chat(*names)),
        (CHAT, chat(*names, stream=True)),
    ]

    for path, body in requests:
        answer = await two.client.post(path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["x-gemini-balance-attempts"] == "1"


@pytest.mark.parametrize(
    ("path", "dialect"),
    [(GENERATE, "gemini"), (STREAM, "gemini"), (COUNT, "gemini"), (CHAT, "openai")],
)
async def test_files_of_others_and_unknown_ones_are_refused_at_no_cost(
    two: Two, path: str, dialect: str
) -> None:
    mine, theirs = await two.upload(), await two.upload(by=two.other)
    make = chat if dialect == "openai" else citing
    before = await two.sent()

    foreign = await two.client.post(path, json=make(mine, theirs))
    unknown = await two.client.post(path, json=make("files/nobody-has-this"))

    for answer, name in ((foreign, theirs), (unknown, "files/nobody-has-this")):
        assert answer.status_code == 403
        file_id = name.removeprefix("files/")
        message = f"You do not have permission to access the File {file_id} or it may not exist."
        assert answer.json()["error"]["message"] == message
    if dialect == "gemini":
        assert foreign.json()["error"]["status"] == "PERMISSION_DENIED"
    assert await two.sent() == before


async def test_hidden_names_do_not_slip_through(two: Two) -> None:
    mine, theirs = await two.upload(), await two.upload(by=two.other)
    plain = json.dumps(citing(theirs))
    first = json.dumps(uri(theirs))
    hidden = [
        plain.replace("files/", "\\u0066iles/"),
        plain.replace("files/", "files\\/"),
        plain.replace("/files/", "/files%2F"),
        plain.replace("fileUri", "file\\u0055ri"),
    ]
    twice = json.dumps(citing(mine)).replace('"fileUri":', f'"fileUri": {first}, "fileUri":')

    for body in hidden:
        assert (await two.client.post(GENERATE, content=body)).status_code == 403, body
    assert (await two.client.post(GENERATE, content=twice)).status_code == 200
    async with two.system.control() as control:
        seen = [one for one in await control.requests() if one.key in two.pool.keys]
    assert theirs.encode() not in seen[-1].body


@pytest.mark.parametrize(
    ("path", "make"),
    [
        (GENERATE, citing),
        (STREAM, citing),
        ("/v1beta/cachedContents", cache),
        (CHAT, chat),
    ],
)
async def test_kept_files_that_lie_apart_are_brought_together(
    two: Two, path: str, make: Callable[..., dict[str, Any]]
) -> None:
    names = await two.split_files()
    before = await two.uploads()

    answers = [await two.client.post(path, json=make(*names)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert await two.uploads() == before + 1


async def test_a_kept_file_of_a_spent_owner_goes_elsewhere(two: Two) -> None:
    name = await two.upload()
    async with two.system.control() as control:
        key = await two.owner_of(name)
        await control.add_fault("rate_limit_minute", key=key, retry_seconds=50)

        answers = [await two.client.post(GENERATE, json=citing(name)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text


async def test_a_kept_file_outlives_the_key_of_its_owner(two: Two) -> None:
    name = await two.upload()
    await two.pause(await two.owner_of(name))

    assert (await two.client.post(GENERATE, json=citing(name))).status_code == 200
    assert (await two.client.post(CHAT, json=chat(name))).status_code == 200
    assert (await two.other.post(GENERATE, json=citing(name))).status_code == 403


async def test_an_overloaded_owner_is_asked_once_more(two: Two) -> None:
    name = await two.upload()
    async with two.system.control() as control:
        await control.add_fault("overloaded", key=await two.owner_of(name))

    answer = await two.client.post(GENERATE, json=citing(name))

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gemini-balance-attempts"] == "2"


async def test_a_file_that_google_has_dropped(two: Two) -> None:
    name = await two.upload()
    key = await two.owner_of(name)
    async with httpx.AsyncClient(base_url=two.system.simulator_url) as upstream:
        await upstream.delete(f"/v1beta/{name}", headers={"x-goog-api-key": key})

    answer = await two.client.post(GENERATE, json=citing(name))

    assert answer.status_code == 403
    assert name.removeprefix("files/") in answer.json()["error"]["message"]


class TestMadeFiles:
    async def test_the_answers_of_a_batch_are_downloaded(self, two: Two) -> None:
        rows = [{"key": f"k{at}", "request": citing(text=f"q{at}")} for at in range(3)]
        source = await two.upload("\n".join(map(json.dumps, rows)))
        order = {"batch": {"input_config": {"file_name": source}}}
        path = f"/v1beta/models/{FLASH}:batchGenerateContent"
        made = (await two.client.post(path, json=order)).json()
        await two.rotate()

        done = (await two.client.get(f"/v1beta/{made['name']}")).json()
        result = done["response"]["responsesFile"]

        answers = await two.client.get(f"/v1beta/{result}:download?alt=media")
        keys = [json.loads(line)["key"] for line in answers.text.splitlines()]
        assert keys == ["k0", "k1", "k2"]
        assert (await two.client.get(f"/v1beta/{result}")).json()["source"] == "GENERATED"
        for request in (f"/v1beta/{result}", f"/v1beta/{result}:download?alt=media"):
            assert (await two.other.get(request)).status_code == 403
        assert (await two.other.post(path, json=order)).status_code == 403

    async def test_videos_are_downloaded_and_cited(self, two: Two) -> None:
        path = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning"
        order = {"instances": [{"prompt": "a cat"}]}
        made = (await two.client.post(path, json=order)).json()
        await two.rotate()

        done = (await two.client.get(f"/v1beta/{made['name']}")).json()
        samples = done["response"]["generateVideoResponse"]["generatedSamples"]
        address = samples[0]["video"]["uri"]

        video = await two.client.get(
            address.removeprefix("https://generativelanguage.googleapis.com")
        )
        assert video.content == b"simulated video: a cat"
        part = {"fileData": {"fileUri": address, "mimeType": "video/mp4"}}
        body = {"contents": [{"role": "user", "parts": [part, {"text": "what is it?"}]}]}
        assert (await two.client.post(GENERATE, json=body)).status_code == 200
        assert (await two.other.post(GENERATE, json=body)).status_code == 403
