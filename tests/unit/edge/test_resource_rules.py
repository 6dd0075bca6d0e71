"""The rules of collections: names, targets, what answers make, how interactions end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.edge.errors import ApiError
from services.edge.resources.interaction_stream import InteractionVoice
from services.edge.resources.made import interaction_made, names_made
from services.edge.resources.rules import COLLECTIONS, missing, tells_gone
from services.edge.resources.targets import Target, target_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage

STORES = "fileSearchStores"


def of(collection: str, path: str, verb: str = "", root: str = "") -> Target:
    return Target(COLLECTIONS[collection], path, verb, root)


class TestTargets:
    @pytest.mark.parametrize(
        ("rest", "target"),
        [
            ("cachedContents", of("cachedContents", "cachedContents")),
            ("cachedContents/c", of("cachedContents", "cachedContents/c", "", "cachedContents/c")),
            ("batches/b:cancel", of("batches", "batches/b", "cancel", "batches/b")),
            ("models/m/operations", of("operations", "models/m/operations")),
            (
                "models/m/operations/o:cancel",
                of("operations", "models/m/operations/o", "cancel", "models/m/operations/o"),
            ),
            (
                "fileSearchStores/s/upload/operations/o",
                of(STORES, f"{STORES}/s/upload/operations/o", "", f"{STORES}/s"),
            ),
            (
                "fileSearchStores/s:importFile",
                of(STORES, f"{STORES}/s", "importFile", f"{STORES}/s"),
            ),
            (
                "interactions/v1_Ch=/cancel",
                of("interactions", "interactions/v1_Ch=/cancel", "", "interactions/v1_Ch="),
            ),
        ],
    )
    def test_paths(self, rest: str, target: Target) -> None:
        assert target_of(rest) == target

    @pytest.mark.parametrize(
        ("rest", "is_root"),
        [
            ("batches/b", True),
            ("batches/b:cancel", False),
            ("models/m/operations/o", True),
            ("batches", False),
            ("models/m/operations", False),
            ("fileSearchStores/s/documents/d", False),
            ("interactions/i/cancel", False),
        ],
    )
    def test_what_deleting_forgets(self, rest: str, is_root: bool) -> None:
        target = target_of(rest)

        assert target is not None
        assert target.is_root is is_root

    @pytest.mark.parametrize(
        "rest", ["agents", "models", "models/m", "models/m/other/o", "webhooks/w:ping", ""]
    )
    def test_other_paths(self, rest: str) -> None:
        assert target_of(rest) is None

    @pytest.mark.parametrize(
        "rest",
        [
            "batches/a%20b",
            "batches//b",
            "batches/b:can/cel",
            "batches/b:",
            "cachedContents/b%3Acancel",
            "fileSearchStores/s/documents/",
            "batches/" + "b" * 300,
        ],
    )
    def test_impossible_names(self, rest: str) -> None:
        with pytest.raises(ApiError) as caught:
            target_of(rest)
        assert caught.value.status == 400


class TestMade:
    def test_a_cache_ends_when_it_says(self) -> None:
        answer = {"name": "cachedContents/c", "expireTime": "2026-11-25T12:00:00.123456789Z"}

        end = datetime(2026, 11, 25, 12, 0, 0, 123456, UTC)
        assert names_made(answer) == {"cachedContents/c": end}

    def test_a_batch_lasts_until_it_is_found_gone(self) -> None:
        assert names_made({"name": "batches/b", "metadata": {"name": "batches/b"}}) == {
            "batches/b": None
        }

    def test_operations_tell_what_they_make(self) -> None:
        tuned = {"name": "tunedModels/t/operations/o", "metadata": {"tunedModel": "tunedModels/t"}}
        made = names_made(
            {
                "name": "models/m/operations/o",
                "response": {"samples": [{"video": {"uri": "files/v:download?alt=media"}}]},
            }
        )

        assert set(names_made(tuned)) == {"tunedModels/t"}
        assert set(made) == {"models/m/operations/o", "files/v"}
        end = made["files/v"]
        assert end is not None
        assert end - datetime.now(UTC) > timedelta(days=30)

    @pytest.mark.parametrize(
        "answer",
        [
            {"metadata": {"displayName": "files/a", "inputConfig": {"fileName": "files/a"}}},
            {"response": {"inlinedResponses": [{"metadata": {"uri": "files/a"}}]}},
            {"environment": {"env": {"uri": "files/a"}}, "labels": {"uri": "files/a"}},
            {"input": [{"uri": "files/a"}]},
        ],
    )
    def test_what_the_client_wrote_is_not_made(self, answer: dict[str, Any]) -> None:
        assert names_made(answer) == {}
        assert interaction_made(answer) == {}

    def test_ephemeral_tokens_are_bound_by_a_hash(self) -> None:
        [name] = names_made({"name": "auth_tokens/secret-part"})

        assert name.startswith("auth_tokens/")
        assert "secret-part" not in name

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"name": 7},
            {"name": "models/m"},
            {"name": "nonsense"},
            {"metadata": [], "name": None},
        ],
    )
    def test_answers_that_make_nothing(self, answer: dict[str, Any]) -> None:
        assert names_made(answer) == {}

    def test_interactions(self) -> None:
        made = interaction_made(
            {
                "id": "v1_a",
                "environment_id": "env_b",
                "output_video": {"uri": "files/v"},
                "steps": [{"content": [{"text": "files/said"}]}],
            }
        )

        assert set(made) == {"interactions/v1_a", "environments/env_b", "files/v"}
        assert interaction_made({"id": "not a name", "environment_id": 7}) == {}


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("files/a", 403, "You do not have permission to access the File a or it may not exist."),
        ("cachedContents/c", 403, "CachedContent not found (or permission denied)"),
        ("batches/b", 404, "Requested entity was not found."),
        ("models/m/operations/o", 404, "Requested entity was not found."),
        ("environments/e", 404, "Requested entity was not found."),
    ],
)
def test_missing_things_are_answered_as_google_does(name: str, status: int, words: str) -> None:
    error = missing(name)

    assert (error.status, error.message) == (status, words)


def google_says(message: Any, status: str = "NOT_FOUND") -> bytes:
    return orjson.dumps({"error": {"code": 404, "message": message, "status": status}})


@pytest.mark.parametrize(
    ("status", "body", "is_gone"),
    [
        (404, google_says("Requested entity was not found."), True),
        (403, google_says("CachedContent not found (or permission denied)"), True),
        (403, google_says("No permission for the Corpus c-1, or it may not exist."), True),
        (404, google_says("There is no corpora/c-1."), True),
        (404, google_says("There is no corpora/c-10."), False),
        (404, google_says("Method not found: DELETE corpora/c-1"), False),
        (404, google_says("Method not found."), False),
        (403, google_says("The caller does not have permission"), False),
        (500, google_says("Requested entity was not found."), False),
        (404, b"<html><title>corpora/c-1 was not found</title></html>", False),
        (404, google_says(7), False),
        (404, b'["error"]', False),
        (404, b"", False),
    ],
)
def test_only_google_can_tell_that_a_thing_is_gone(status: int, body: bytes, is_gone: bool) -> None:
    assert tells_gone(status, body, "corpora/c-1") is is_gone


def frame(**event: Any) -> bytes:
    return b"event: x\ndata: " + orjson.dumps(event) + b"\n\n"


class TestInteractionVoice:
    @pytest.mark.parametrize(
        ("block", "is_finished"),
        [
            (frame(event_type="step.delta", delta={"text": "interaction.completed"}), False),
            (frame(event_type="interaction.created", interaction={"id": "i"}), False),
            (frame(event_type="interaction.completed", interaction={"id": "i"}), True),
            (frame(event_type="interaction.status_update", status="in_progress"), False),
            (frame(event_type="interaction.status_update", status="failed"), True),
            (frame(event_type="interaction.status_update", status="requires_action"), True),
            (b"event: done\ndata: [DONE]\n\n", True),
            (b"data: not json [DONE]\n\n", False),
            (b'data: ["[DONE]"]\n\n', False),
        ],
    )
    def test_it_knows_the_end_of_an_answer(self, block: bytes, is_finished: bool) -> None:
        voice = InteractionVoice()

        assert voice.say(block) == block
        assert voice.is_finished() is is_finished

    def test_usage_is_that_of_the_last_event(self) -> None:
        usage = {"total_input_tokens": 3, "total_output_tokens": 5, "total_thought_tokens": 2}
        voice = InteractionVoice()
        voice.say(frame(event_type="interaction.status_update", usage={"total_input_tokens": 1}))
        voice.say(frame(event_type="interaction.completed", interaction={"usage": usage}))
        voice.say(b"data: [DONE]\n\n")

        assert voice.usage() == TokenUsage(input=3, output=5, cached=0, thoughts=2)

    async def test_what_is_made_is_told_before_its_events(self) -> None:
        told: list[list[str]] = []

        async def on_made(interaction: dict[str, Any], project: str) -> None:
            assert project == "p"
            told.append(sorted(interaction_made(interaction)))

        voice = InteractionVoice(on_made)
        created = {"id": "i", "environment_id": "e"}
        blocks = [
            b": comment\n\ndata: {}\n\n",
            frame(event_type="interaction.created", interaction={"id": "i"}),
            frame(event_type="step.delta", delta={"text": "x"}),
            frame(event_type="step.delta", delta={"type": "video", "uri": "files/v:download"}),
            frame(event_type="interaction.status_update", interaction_id="i", environment_id="e"),
            frame(event_type="interaction.completed", interaction=created),
        ]
        for block in blocks:
            await voice.before(block, "p")

        assert list(filter(None, told)) == [
            ["interactions/i"],
            ["files/v"],
            ["environments/e", "interactions/i"],
            ["environments/e", "interactions/i"],
        ]

    async def test_an_update_may_be_the_first_to_name_it(self) -> None:
        told: list[Any] = []

        async def on_made(interaction: dict[str, Any], _project: str) -> None:
            told.append(interaction)

        update = frame(event_type="interaction.status_update", interaction_id="i", status="queued")
        await InteractionVoice(on_made).before(update, "p")

        assert [list(interaction_made(interaction)) for interaction in told] == [["interactions/i"]]

    @pytest.mark.parametrize(
        ("native", "code"),
        [({"code": "unavailable", "message": "m"}, "unavailable"), (None, "502")],
    )
    def test_failures_are_events(self, native: dict[str, Any] | None, code: str) -> None:
        failure = StreamFailedError(ApiError(502, "m"), native)

        event = orjson.loads(InteractionVoice().failure(failure).partition(b"data: ")[2])

        assert event == {"event_type": "error", "error": {"code": code, "message": "m"}}
