"""What outlives a request belongs to a project."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from services.simulator.control import SimulatorControl
from tests.integration.simulator.asking import FLASH, ask, text_of

BATCH = f"/v1beta/models/{FLASH}:batchGenerateContent"
VIDEO = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning"


async def upload(client: httpx.AsyncClient, data: bytes, path: str = "files") -> dict[str, Any]:
    response = await client.post(
        f"/upload/v1beta/{path}",
        content=data,
        headers={"x-goog-upload-protocol": "raw", "content-type": "text/plain"},
    )
    made: dict[str, Any] = response.json()
    return made


def batch(**config: Any) -> dict[str, Any]:
    return {"batch": {"displayName": "job", "inputConfig": config}}


def inlined(*texts: str) -> dict[str, Any]:
    rows = [{"request": ask(text), "metadata": {"key": text}} for text in texts]
    return batch(requests={"requests": rows})


async def test_a_batch_is_answered_inline(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(job_seconds=60)
    made = (
        await alpha.post(BATCH, json=inlined("please repeat plum", "please repeat pear"))
    ).json()
    path = f"/v1beta/{made['name']}"

    assert made["metadata"]["state"] == "BATCH_STATE_PENDING"
    assert (await alpha.get(path)).json()["metadata"]["state"] == "BATCH_STATE_RUNNING"
    await control.set_clock(61)
    done = (await alpha.get(path)).json()
    assert done["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert done["done"]
    rows = done["response"]["inlinedResponses"]["inlinedResponses"]
    assert ["plum" in text_of(row["response"]) for row in rows] == [True, False]
    assert [row["metadata"]["key"] for row in rows] == ["please repeat plum", "please repeat pear"]
    assert (await alpha.get("/v1beta/batches")).json() == {"operations": [done]}


async def test_a_batch_of_a_file_is_answered_in_a_file(alpha: httpx.AsyncClient) -> None:
    lines = [{"key": f"k{at}", "request": ask(f"please repeat {at}")} for at in range(3)]
    file = await upload(alpha, b"\n".join(map(orjson.dumps, lines)))

    made = (await alpha.post(BATCH, json=batch(fileName=file["file"]["name"]))).json()
    done = (await alpha.get(f"/v1beta/{made['name']}")).json()

    name = done["response"]["responsesFile"]
    assert name == done["metadata"]["output"]["responsesFile"]
    described = (await alpha.get(f"/v1beta/{name}")).json()
    assert described["source"] == "GENERATED"
    answers = await alpha.get(f"/v1beta/{name}:download?alt=media")
    rows = [orjson.loads(line) for line in answers.content.splitlines()]
    assert [row["key"] for row in rows] == ["k0", "k1", "k2"]


async def test_batches_are_cancelled_and_deleted(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(job_seconds=60)
    made = (await alpha.post(BATCH, json=inlined("hi"))).json()
    path = f"/v1beta/{made['name']}"

    assert (await alpha.post(f"{path}:cancel")).json() == {}
    assert (await alpha.get(path)).json()["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    assert (await alpha.post(f"{path}:cancel")).status_code == 400
    assert (await alpha.delete(path)).json() == {}
    assert (await alpha.get(path)).status_code == 404


async def test_embeddings_in_a_batch(alpha: httpx.AsyncClient) -> None:
    rows = [{"request": {"content": {"parts": [{"text": "a"}]}}}]
    path = "/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent"

    made = (await alpha.post(path, json=batch(requests={"requests": rows}))).json()
    done = (await alpha.get(f"/v1beta/{made['name']}")).json()

    answers = done["response"]["inlinedEmbedContentResponses"]["inlinedResponses"]
    assert len(answers[0]["response"]["embedding"]["values"]) == 3072


async def test_a_video_is_made_and_downloaded(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(job_seconds=60)
    made = (await alpha.post(VIDEO, json={"instances": [{"prompt": "a cat"}]})).json()
    path = f"/v1beta/{made['name']}"

    assert (await alpha.get(path)).json() == {"name": made["name"]}
    await control.set_clock(61)
    done = (await alpha.get(path)).json()
    uri = done["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    video = await alpha.get(uri.removeprefix("https://generativelanguage.googleapis.com"))
    assert video.content == b"simulated video: a cat"
    assert video.headers["content-type"] == "video/mp4"


async def test_stores_hold_documents(alpha: httpx.AsyncClient) -> None:
    store = (await alpha.post("/v1beta/fileSearchStores", json={"displayName": "My Docs"})).json()
    path = f"/v1beta/{store['name']}"
    file = await upload(alpha, b"hello")
    imported = await alpha.post(f"{path}:importFile", json={"fileName": file["file"]["name"]})
    uploaded = await upload(alpha, b"hello", f"{store['name']}:uploadToFileSearchStore")

    assert store["name"].startswith("fileSearchStores/mydocs-")
    assert uploaded["name"].startswith(f"{store['name']}/upload/operations/")
    for operation in (imported.json(), uploaded):
        done = (await alpha.get(f"/v1beta/{operation['name']}")).json()
        document = (await alpha.get(f"/v1beta/{done['response']['documentName']}")).json()
        assert document["sizeBytes"] == "5"
        assert document["state"] == "STATE_ACTIVE"
    documents = (await alpha.get(f"{path}/documents")).json()["documents"]
    assert len(documents) == 2
    assert (await alpha.get(path)).json()["activeDocumentsCount"] == "2"
    tool = {"fileSearch": {"fileSearchStoreNames": [store["name"]]}}
    answer = await alpha.post(f"/v1beta/models/{FLASH}:generateContent", json=ask(tools=[tool]))
    assert answer.status_code == 200
    assert (await alpha.delete(path)).status_code == 400
    assert (await alpha.delete(f"/v1beta/{documents[0]['name']}")).json() == {}
    assert (await alpha.delete(f"{path}?force=True")).json() == {}
    assert (await alpha.get(path)).status_code == 404


async def test_tuned_models_answer_under_their_own_name(alpha: httpx.AsyncClient) -> None:
    tuned = {"baseModel": f"models/{FLASH}", "displayName": "mine"}
    made = (await alpha.post("/v1beta/tunedModels?tunedModelId=mine", json=tuned)).json()

    assert made["metadata"]["tunedModel"] == "tunedModels/mine"
    answer = await alpha.post("/v1beta/tunedModels/mine:generateContent", json=ask())
    assert answer.status_code == 200
    assert (await alpha.get("/v1beta/tunedModels")).json()["tunedModels"][0][
        "displayName"
    ] == "mine"
    assert (await alpha.delete("/v1beta/tunedModels/mine")).json() == {}


class TestInteractions:
    path = "/v1beta/interactions"

    async def test_a_conversation_goes_on_by_its_id(self, alpha: httpx.AsyncClient) -> None:
        first = await alpha.post(self.path, json={"model": FLASH, "input": "please repeat plum"})
        second = await alpha.post(
            self.path,
            json={
                "model": FLASH,
                "input": [{"role": "user", "content": [{"type": "text", "text": "and now?"}]}],
                "previous_interaction_id": first.json()["id"],
            },
        )

        assert first.json()["status"] == "completed"
        assert "plum" in first.json()["steps"][0]["content"][0]["text"]
        assert second.json()["previous_interaction_id"] == first.json()["id"]
        used = [each.json()["usage"]["total_input_tokens"] for each in (first, second)]
        assert used[1] > used[0]
        assert (await alpha.get(f"{self.path}/{first.json()['id']}")).json() == first.json()

    async def test_a_stream_begins_with_its_id_and_ends_with_done(
        self, alpha: httpx.AsyncClient
    ) -> None:
        response = await alpha.post(self.path, json={"model": FLASH, "input": "hi", "stream": True})

        frames = response.text.removesuffix("\n\n").split("\n\n")
        events = [frame.partition("\ndata: ")[2] for frame in frames]
        assert events.pop() == "[DONE]"
        kinds = [orjson.loads(event)["event_type"] for event in events]
        assert kinds[0] == "interaction.created"
        assert kinds[-1] == "interaction.completed"
        interaction = orjson.loads(events[0])["interaction"]["id"]
        again = await alpha.get(f"{self.path}/{interaction}?stream=true")
        assert again.text == response.text

    async def test_what_is_not_stored_is_forgotten(self, alpha: httpx.AsyncClient) -> None:
        made = await alpha.post(self.path, json={"model": FLASH, "input": "hi", "store": False})

        assert (await alpha.get(f"{self.path}/{made.json()['id']}")).status_code == 404

    async def test_one_in_the_background_is_cancelled(
        self, alpha: httpx.AsyncClient, control: SimulatorControl
    ) -> None:
        await control.set_behaviour(job_seconds=60)
        order = {"model": FLASH, "input": "hi", "background": True}
        made = (await alpha.post(self.path, json=order)).json()

        assert made["status"] == "in_progress"
        cancelled = await alpha.post(f"{self.path}/{made['id']}/cancel")
        assert cancelled.json()["status"] == "cancelled"
        assert (await alpha.post(f"{self.path}/{made['id']}/cancel")).status_code == 400
        assert (await alpha.delete(f"{self.path}/{made['id']}")).json() == {}


async def test_nothing_is_seen_by_another_project(
    alpha: httpx.AsyncClient, alpha_too: httpx.AsyncClient, beta: httpx.AsyncClient
) -> None:
    store = (await alpha.post("/v1beta/fileSearchStores", json={})).json()["name"]
    upload_path = f"{store}:uploadToFileSearchStore"
    operation = (await upload(alpha, b"x", upload_path))["name"]
    made = await asyncio.gather(
        alpha.post(BATCH, json=inlined("hi")),
        alpha.post(VIDEO, json={"instances": [{"prompt": "x"}]}),
        alpha.post("/v1beta/tunedModels", json={"baseModel": f"models/{FLASH}"}),
    )
    names = [store, operation, *(each.json()["name"] for each in made[:2])]
    names.append(made[2].json()["metadata"]["tunedModel"])
    interaction = await alpha.post("/v1beta/interactions", json={"model": FLASH, "input": "x"})
    names.append(f"interactions/{interaction.json()['id']}")

    for name in names:
        assert (await alpha_too.get(f"/v1beta/{name}")).status_code == 200, name
        assert (await beta.get(f"/v1beta/{name}")).status_code == 404, name
        assert (await beta.delete(f"/v1beta/{name}")).status_code == 404, name
    for collection in ("batches", "fileSearchStores", "tunedModels"):
        assert (await beta.get(f"/v1beta/{collection}")).json() == {}
    went_on = {"model": FLASH, "input": "x", "previous_interaction_id": interaction.json()["id"]}
    assert (await beta.post("/v1beta/interactions", json=went_on)).status_code == 404
    assert (await upload(beta, b"x", upload_path))["error"]["code"] == 404
    tuned = await beta.post(f"/v1beta/{names[4]}:generateContent", json=ask())
    assert tuned.status_code == 404


async def test_ephemeral_tokens(alpha: httpx.AsyncClient) -> None:
    made = await alpha.post("/v1alpha/auth_tokens", json={"uses": 1})

    assert made.json()["name"].startswith("auth_tokens/")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (BATCH, {}, 400),
        (BATCH, batch(fileName="files/none"), 403),
        (BATCH, {"nonsense": 1}, 400),
        ("/v1beta/models/gemini-9:batchGenerateContent", inlined("hi"), 404),
        (VIDEO.replace("veo", "gemini"), {}, 404),
        ("/v1beta/interactions", {"model": "gemini-9", "input": "x"}, 404),
        ("/v1beta/interactions", {"model": FLASH}, 400),
        ("/v1beta/tunedModels", {"baseModel": "models/gemini-9"}, 404),
        ("/v1beta/fileSearchStores/none:importFile", {"fileName": "files/none"}, 403),
    ],
)
async def test_what_is_wrong_is_refused(
    alpha: httpx.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    assert (await alpha.post(path, json=body)).status_code == status
