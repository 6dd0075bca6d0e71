"""A script lets the model call an agent's own tools, and go by what they return."""

from typing import Any

import httpx
import pytest

from services.simulator.control import SimulatorControl
from services.simulator.scripts import Script, ScriptedCall, Step
from tests.integration.simulator.asking import FLASH, events_of, text_of

SIGNING = "gemini-3-flash-preview"
TOOLS = [{"functionDeclarations": [{"name": "shout"}, {"name": "read"}, {"name": "write"}]}]
SCRIPT = Script(
    cue="errand 7",
    steps=(
        Step(calls=(ScriptedCall(name="read", args={"path": "/notes"}),)),
        Step(
            find=r"figs (?P<third>\w+)",
            calls=(ScriptedCall(name="write", args={"lines": ["<<third>>", {"n": 1}]}),),
        ),
        Step(find="done", text="Written."),
    ),
)


class Conversation:
    """What an agent does with a model: it answers calls until there are none."""

    def __init__(self, client: httpx.AsyncClient, model: str = SIGNING) -> None:
        self._client = client
        self._model = model
        self.contents: list[dict[str, Any]] = []

    async def say(self, text: str, **rest: Any) -> Any:
        self.contents.append({"role": "user", "parts": [{"text": text}]})
        return await self._ask(rest)

    async def answer(self, response: dict[str, Any]) -> Any:
        [call] = [part["functionCall"] for part in self.contents[-1]["parts"]]
        result = {"functionResponse": {"name": call["name"], "response": response}}
        self.contents.append({"role": "user", "parts": [result]})
        return await self._ask({})

    async def _ask(self, rest: dict[str, Any]) -> Any:
        path = f"/v1beta/models/{self._model}:generateContent"
        body = {"contents": self.contents, "tools": TOOLS} | rest
        reply = (await self._client.post(path, json=body)).raise_for_status().json()
        self.contents.append(reply["candidates"][0]["content"])
        return reply


def called(reply: dict[str, Any]) -> list[tuple[str, Any]]:
    parts = reply["candidates"][0]["content"]["parts"]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    return [(call["name"], call["args"]) for call in calls]


@pytest.mark.parametrize("model", [FLASH, SIGNING])
async def test_a_script_is_played_by_what_the_tools_return(
    alpha: httpx.AsyncClient, control: SimulatorControl, model: str
) -> None:
    await control.put_script(SCRIPT)
    agent = Conversation(alpha, model)

    read = await agent.say("please do errand 7")
    write = await agent.answer({"content": [{"text": "1: figs quinces"}]})
    end = await agent.answer({"output": "done"})

    assert called(read) == [("read", {"path": "/notes"})]
    assert called(write) == [("write", {"lines": ["quinces", {"n": 1}]})]
    assert text_of(end) == "Written."


async def test_a_result_that_does_not_fit_is_told(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.put_script(SCRIPT)
    agent = Conversation(alpha)

    await agent.say("please do errand 7")
    answer = await agent.answer({"error": "no such file"})

    assert "no such file" in text_of(answer)


async def test_a_script_is_streamed_too(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.put_script(SCRIPT)
    contents = [{"parts": [{"text": "errand 7"}]}]

    response = await alpha.post(
        f"/v1beta/models/{SIGNING}:streamGenerateContent?alt=sse",
        json={"contents": contents, "tools": TOOLS},
    )

    calls = [call for event in events_of(response.content) for call in called(event)]
    assert calls == [("read", {"path": "/notes"})]


async def test_the_model_speaks_for_itself_elsewhere(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.put_script(SCRIPT)

    uncued = await Conversation(alpha).say("errand 8")
    title = await Conversation(alpha).say("a title for: errand 7", tools=[])
    reading_only = [{"functionDeclarations": [{"name": "read"}]}]
    other = await Conversation(alpha).say("errand 7", tools=reading_only)

    assert called(uncued) == [("shout", {})]
    assert "a title for: errand 7" in text_of(title)
    assert called(other) == [("read", {})]


async def test_after_its_end_and_after_a_reset_too(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    once = Script(cue="errand 9", steps=(Step(calls=(ScriptedCall(name="read"),)),))
    await control.put_script(once)
    agent = Conversation(alpha)

    first = await agent.say("errand 9")
    after = await agent.answer({"output": "figs"})
    await control.reset()
    again = await Conversation(alpha).say("errand 9")

    assert called(first) == [("read", {})]
    assert "figs" in text_of(after)
    assert called(again) == [("shout", {})]


@pytest.mark.parametrize(
    "step", [{}, {"text": "a", "calls": [{"name": "b"}]}, {"text": "a", "find": "("}]
)
async def test_a_step_that_cannot_be_played_is_refused(
    nobody: httpx.AsyncClient, step: dict[str, Any]
) -> None:
    response = await nobody.post("/_sim/scripts", json={"cue": "x", "steps": [step]})

    assert response.status_code == 400
