"""A conversation goes on where its model handed out what is to be sent back."""

from typing import Any

import orjson
import pytest

from services.edge.calls import Call
from services.edge.conversations import Conversations
from services.edge.dialects import Dialect
from services.edge.leasing.lease import Need
from services.judging import Operation
from tests.support.edge_in_memory import KEY, EdgeInMemory, Script

TARGET = "/v1beta/models/gemini-3-flash-preview:generateContent"
QUESTION = {"role": "user", "parts": [{"text": "hi"}]}
SIGNED = {"role": "model", "parts": [{"text": "ho", "thoughtSignature": "c2ln"}]}
GOES_ON: list[dict[str, Any]] = [
    {"contents": [QUESTION, SIGNED, QUESTION]},
    {"contents": [QUESTION], "continuationToken": "t1"},
]


def reply(content: dict[str, Any], **more: Any) -> Script:
    candidate = {"content": content, "finishReason": "STOP"} | more
    return Script([orjson.dumps({"candidates": [candidate]})])


HANDED_OUT = [
    reply(SIGNED),
    reply({"parts": []}, finishReason="CONTINUATION", continuationToken="t1"),
]


@pytest.mark.parametrize(("first", "request_"), [*zip(HANDED_OUT, GOES_ON, strict=True)])
async def test_the_next_request_goes_to_the_same_project(
    first: Script, request_: dict[str, Any]
) -> None:
    edge = EdgeInMemory()

    await edge.post(TARGET, {"contents": [QUESTION]}, first)
    await edge.post(TARGET, request_)
    await edge.post(TARGET, request_)

    begun, second, third = edge.desk.needs
    assert (begun.project, begun.from_stock) == ("", True)
    assert (second.project, second.patience) == (KEY.project_id, 0)
    # From then on the key pool knows.
    assert third.project == ""
    assert third.affinity == second.affinity != 0


async def test_a_project_at_its_limit_is_not_waited_for() -> None:
    edge = EdgeInMemory()
    await edge.post(TARGET, {"contents": [QUESTION]}, HANDED_OUT[0])
    edge.desk.refused.add(KEY.project_id)

    answer = await edge.post(TARGET, GOES_ON[0])

    assert answer.status == 200
    assert [need.project for need in edge.desk.needs] == ["", KEY.project_id, ""]


@pytest.mark.parametrize(
    "request_",
    [
        {"contents": [QUESTION]},
        {"contents": [{"role": "user", "parts": [{"text": "other"}]}, SIGNED, QUESTION]},
    ],
)
async def test_other_conversations_go_anywhere(request_: dict[str, Any]) -> None:
    edge = EdgeInMemory()

    await edge.post(TARGET, {"contents": [QUESTION]}, HANDED_OUT[0])
    await edge.post(TARGET, request_)

    assert edge.desk.needs[-1].project == ""


async def test_answers_that_hand_out_nothing_are_not_remembered() -> None:
    edge = EdgeInMemory()

    await edge.post(TARGET, {"contents": [QUESTION]}, reply({"parts": [{"text": "ho"}]}))
    await edge.post(TARGET, GOES_ON[0])

    assert edge.desk.needs[-1].project == ""


def test_only_the_latest_are_remembered() -> None:
    conversations = Conversations(most=2)
    numbers: list[int] = []
    for text in ("a", "b", "c"):
        body = orjson.dumps({"contents": [{"parts": [{"text": text}]}]})
        need = Need("default", "c1", "m", Operation.GENERATE)
        call = Call("POST", "/", [], body, need, Dialect.GEMINI)
        before = set(conversations._projects)
        conversations.note(call, f"p-{text}", b'{"thoughtSignature":"c2ln"}')
        numbers += set(conversations._projects) - before

    assert [conversations.take(number) for number in numbers] == ["", "p-b", "p-c"]
    assert [conversations.take(number) for number in numbers] == ["", "", ""]
