"""Thought signatures that were made under another key."""

from typing import Any

import pytest

from tests.support.system import System

MODEL = "gemini-3-flash-preview"
TOOLS = [
    {
        "functionDeclarations": [
            {"name": "look", "parametersJsonSchema": {"type": "object", "properties": {}}}
        ]
    }
]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_history_of_another_account_is_repaired_and_blames_nobody(
    system: System, streamed: bool
) -> None:
    first, second = await system.new_pool(1), await system.new_pool(1)
    question = {"role": "user", "parts": [{"text": "look around"}]}
    verb = "streamGenerateContent" if streamed else "generateContent"
    async with system.control() as control:
        await control.set_behaviour(bind_signatures=True)
        try:
            async with system.client(first) as client:
                begun = await client.post(
                    f"/v1beta/models/{MODEL}:generateContent",
                    json={"contents": [question], "tools": TOOLS},
                )
            call: dict[str, Any] = begun.json()["candidates"][0]["content"]
            assert any("thoughtSignature" in part for part in call["parts"])
            result = {
                "role": "user",
                "parts": [{"functionResponse": {"name": "look", "response": {"seen": "a gate"}}}],
            }
            call["parts"] = [
                {k: v for k, v in p.items() if k != "thought"}
                for p in call["parts"]
                if "functionCall" in p
            ]
            call["parts"][0]["functionCall"].pop("id", None)
            async with system.client(second) as client:
                answer = await client.post(
                    f"/v1beta/models/{MODEL}:{verb}",
                    json={"contents": [question, call, result], "tools": TOOLS},
                )
        finally:
            await control.set_behaviour(bind_signatures=False)

    assert answer.status_code == 200, answer.text
    assert "a gate" in answer.text
    assert answer.headers["x-gemini-balance-attempts"] == "2"
    assert {key.state for key in (await system.keys_of(second)).values()} == {1}
