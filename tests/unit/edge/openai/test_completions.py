"""The older completions."""

from typing import Any

import orjson
import pytest
from openai.types import Completion

from tests.support.edge_in_memory import EdgeInMemory, Script, Told
from tests.unit.edge.openai.client import frames

MODEL = "gemini-2.5-flash"


def reply(text: str = "a tale", index: int = 0, end: str = "STOP", **more: Any) -> dict[str, Any]:
    content = {"content": {"parts": [{"text": text}]}, "index": index}
    return content | ({"finishReason": end} if end else {}) | more


def answer(*candidates: dict[str, Any], prompt: int = 3, output: int = 4) -> bytes:
    usage = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "totalTokenCount": prompt + output,
    }
    return orjson.dumps({"candidates": list(candidates), "usageMetadata": usage})


async def ask(edge: EdgeInMemory, *pieces: bytes, **fields: Any) -> Told:
    return await edge.post("/v1/completions", {"model": MODEL, **fields}, Script(pieces))


def logprobs(*tokens: str) -> dict[str, Any]:
    chosen = [{"token": token, "logProbability": -0.5} for token in tokens]
    tops = [
        {"candidates": [{"token": token, "logProbability": -0.5}, {"token": "?"}]}
        for token in tokens
    ]
    return {"logprobsResult": {"chosenCandidates": chosen, "topCandidates": tops}}


async def test_a_prompt_is_what_the_user_says() -> None:
    edge = EdgeInMemory()

    told = await ask(edge, answer(reply()), prompt="once", max_tokens=9, stop="x", seed=1)

    assert edge.sent() == {
        "contents": [{"role": "user", "parts": [{"text": "once"}]}],
        "generationConfig": {"maxOutputTokens": 9, "stopSequences": ["x"], "seed": 1},
    }
    completion = Completion.model_validate(told.json())
    assert completion.object == "text_completion"
    assert completion.id.startswith("cmpl-")
    assert completion.choices[0].model_dump(exclude_none=True) == {
        "index": 0,
        "text": "a tale",
        "finish_reason": "stop",
        "native_finish_reason": "STOP",
    }
    assert completion.usage is not None
    assert completion.usage.total_tokens == 7


async def test_several_prompts_and_several_answers() -> None:
    edge = EdgeInMemory()
    candidates = [reply("a"), reply("b", 1, "MAX_TOKENS")]

    told = await ask(edge, answer(*candidates), prompt=["one", "two"], n=2, echo=True)

    assert [
        (choice["index"], choice["text"], choice["finish_reason"])
        for choice in told.json()["choices"]
    ] == [(0, "onea", "stop"), (1, "oneb", "length"), (2, "twoa", "stop"), (3, "twob", "length")]
    assert told.json()["usage"]["total_tokens"] == 14
    assert told.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
    sent = [orjson.loads(call.body) for call in edge.upstream.calls]
    assert [body["contents"][0]["parts"][0]["text"] for body in sent] == ["one", "two"]
    assert edge.desk.endings == ["succeeded"] * 2


async def test_log_probabilities_have_their_older_form() -> None:
    edge = EdgeInMemory()

    told = await ask(
        edge,
        answer(reply("a tale", **logprobs("a", " tale"))),
        prompt="once",
        logprobs=2,
        echo=True,
    )

    assert edge.sent()["generationConfig"] == {"responseLogprobs": True, "logprobs": 2}
    assert told.json()["choices"][0]["logprobs"] == {
        "tokens": ["a", " tale"],
        "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"a": -0.5, "?": 0.0}, {" tale": -0.5, "?": 0.0}],
        "text_offset": [4, 5],
    }


async def test_a_suffix_becomes_an_instruction() -> None:
    edge = EdgeInMemory()

    await ask(edge, answer(reply()), prompt="once", suffix="the end")

    (part,) = edge.sent()["systemInstruction"]["parts"]
    assert part["text"].endswith("\n\nthe end")


@pytest.mark.parametrize("prompt", [None, "", [], [""]])
async def test_no_prompt_is_one(prompt: Any) -> None:
    edge = EdgeInMemory()

    told = await ask(edge, answer(reply()), prompt=prompt)

    assert told.status == 200
    assert edge.sent()["contents"] == [{"role": "user", "parts": [{"text": " "}]}]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": [1, 2]}, "prompt", "tokens_not_supported"),
        ({"prompt": [[1, 2], [3]]}, "prompt", "tokens_not_supported"),
        ({"prompt": {"a": 1}}, "prompt", "invalid_type"),
        ({"prompt": ["a", None]}, "prompt[1]", "missing_required_parameter"),
        ({"prompt": ["a"] * 33}, "prompt", "array_above_max_length"),
        ({"prompt": ["a", "b"], "stream": True}, "prompt", "unsupported_value"),
        ({"prompt": "a", "echo": "yes"}, "echo", "invalid_type"),
        ({"prompt": "a", "suffix": 1}, "suffix", "invalid_type"),
        ({"prompt": "a", "logprobs": 6}, "logprobs", "integer_above_max_value"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ],
)
async def test_what_cannot_be_asked(fields: dict[str, Any], param: str, code: str) -> None:
    edge = EdgeInMemory()

    told = await ask(edge, **fields)

    assert told.status == 400
    error = told.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert not edge.upstream.calls


async def test_what_has_no_counterpart_is_named() -> None:
    edge = EdgeInMemory()

    told = await ask(
        edge, answer(reply()), prompt="a", best_of=3, user="u", messages=[], logit_bias={"1": 2}
    )
    same = await ask(edge, answer(reply()), prompt="a", n=1, best_of=1, logit_bias={})

    ignored = told.headers["x-gemini-balance-ignored"].split(",")
    assert sorted(ignored) == ["best_of", "logit_bias", "messages", "user"]
    assert "x-gemini-balance-ignored" not in same.headers


async def test_a_blocked_prompt_is_no_success() -> None:
    edge = EdgeInMemory()

    told = await ask(edge, b'{"promptFeedback": {"blockReason": "SAFETY"}}', prompt="a")

    (choice,) = told.json()["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["text"] == ""
    assert "SAFETY" in choice["refusal"]


async def test_a_stream() -> None:
    edge = EdgeInMemory()
    events = [
        {"candidates": [reply("a", end="", **logprobs("a"))]},
        {"candidates": [reply(" tale", end="", **logprobs(" tale"))]},
        {"candidates": [reply("", end="STOP")], "usageMetadata": {"totalTokenCount": 7}},
    ]
    stream = b"".join(b"data: " + orjson.dumps(event) + b"\r\n\r\n" for event in events)
    options = {"stream": True, "stream_options": {"include_usage": True}}

    told = await ask(edge, stream, prompt="once ", echo=True, logprobs=1, **options)

    *chunks, usage, done = frames(told.body)
    for chunk in chunks:
        # What the SDK reads: its type wants a reason, which only the last one has.
        assert chunk["object"] == "text_completion"
        assert chunk["usage"] is None
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["once a", " tale", ""]
    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in chunks[:2]] == [[5], [6]]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "stop"]
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 7
    assert done == "[DONE]"
