"""Requests that OpenAI's schema allows and that hold together, every leaf of them unique."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.unit.edge.anthropic import whole_messages

MODELS = whole_messages.MODELS
_STEPS = ("user", "said", "developer", "called", "thought", "drawn", "searched")


class Maker(whole_messages.Maker):
    """Draws a request; each text and number in it occurs once."""

    def request(self) -> dict[str, Any]:
        """Return a request."""
        steps = [item for _ in self.some(4) for item in self._step(self.pick(_STEPS))]
        begun: list[dict[str, Any]] = [self._message("user", [self._text()])]
        body: dict[str, Any] = {"model": self.pick(MODELS), "input": begun + steps}
        if self.flip():
            body["instructions"] = self.text()
        self._offer(body)
        self._add_rest(body)
        return body

    def _step(self, kind: str) -> list[dict[str, Any]]:
        match kind:
            case "user":
                return [self._message("user", [self._text(), *self._media()])]
            case "said":
                content = [{"type": "output_text", "text": self.text(), "annotations": []}]
                return [self._message("assistant", content)]
            case "developer":
                return [self._message(self.pick(["developer", "system"]), [self._text()])]
            case "called":
                return self._calls()
            case "thought":
                return [self._reasoning()]
            case "drawn":
                return [{"type": "image_generation_call", "id": self.word(), "result": self.data()}]
        action = {"type": "search", "query": self.text()}
        return [{"type": "web_search_call", "id": self.word(), "action": action}]

    def _message(self, role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"type": "message", "role": role, "content": content, **self._odd()}

    def _text(self) -> dict[str, Any]:
        return {"type": "input_text", "text": self.text()}

    def _media(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = [
            {"type": "input_image", "image_url": f"data:image/webp;base64,{self.data()}"},
            {"type": "input_image", "file_id": f"file-{self.word()}", "detail": "high"},
            {"type": "input_file", "file_id": f"files/{self.word()}"},
            {"type": "input_file", "filename": "a.pdf", "file_data": self.data()},
        ]
        return [self.pick(made) | self._odd() for _ in self.some()]

    def _reasoning(self) -> dict[str, Any]:
        mark = self.pick(["gemini-next:", "gemini-last:", "gAAAA"])
        return {
            "type": "reasoning",
            "id": self.word(),
            "summary": [{"type": "summary_text", "text": self.text()}],
            "encrypted_content": mark + self.data(),
        }

    def _calls(self) -> list[dict[str, Any]]:
        calls = [self._one_call() for _ in range(1 + len(self.some()))]
        results = [self._output(call) for call in calls]
        if self.flip():
            results.reverse()
        return [*calls, *results]

    def _one_call(self) -> dict[str, Any]:
        call = {"call_id": self.word() + self.pick(["", f"__sig__{self.data().rstrip('=')}"])}
        kind = self.pick(["function_call", "custom_tool_call", "local_shell_call"])
        call |= {"type": kind, "id": self.word(), **self._odd()}
        if kind == "local_shell_call":
            action = {"type": "exec", "command": [self.word(), self.text()], "env": {}}
            return call | {"action": action, "status": "completed"}
        call["name"] = self.word()
        if self.flip():
            call["namespace"] = self.word()
        if kind == "function_call":
            return call | {"arguments": json.dumps(self.object())}
        return call | {"input": self.text()}

    def _output(self, call: dict[str, Any]) -> dict[str, Any]:
        output = self.pick([self.text(), [self._text(), *self._media()]])
        return {
            "type": f"{call['type']}_output",
            "call_id": call["call_id"],
            **({"id": self.word()} if call["type"] == "local_shell_call" else {}),
            "output": output,
            **self._odd(),
        }

    def _offer(self, body: dict[str, Any]) -> None:
        tools = [self._tool() for _ in self.some()]
        if tools and self.flip():
            held = [{**self._function(), "strict": False}]
            space = {"name": self.word(), "description": self.text(), "tools": held}
            tools.append({"type": "namespace", **space})
        if self.flip():
            tools.append({"type": "web_search", "search_context_size": "low"})
        if tools:
            body["tools"] = tools
        if tools and "name" in tools[0]:
            named = {"type": tools[0]["type"], "name": tools[0]["name"]}
            body["tool_choice"] = self.pick(["auto", "required", "none", named])

    def _function(self) -> dict[str, Any]:
        return {
            "type": "function",
            "name": self.word(),
            "description": self.text(),
            "parameters": self.schema(),
        }

    def _tool(self) -> dict[str, Any]:
        if self.flip():
            return self._function() | {"strict": self.flip()} | self._odd()
        form = {"type": "grammar", "syntax": "lark", "definition": self.text()}
        return {"type": "custom", "name": self.word(), "description": self.text(), "format": form}

    def _add_rest(self, body: dict[str, Any]) -> None:
        form = {"type": "json_schema", "name": self.word(), "schema": self.schema()}
        more = {
            "max_output_tokens": self.number(),
            "temperature": self.number() / 2**20,
            "top_p": self.number() / 2**20,
            "reasoning": self.pick([{"effort": "low"}, {"summary": "auto"}]),
            "text": {"format": form, "verbosity": "low"},
            "metadata": {"a": self.word()},
            "service_tier": "flex",
            "include": ["reasoning.encrypted_content"],
            "truncation": "auto",
            "parallel_tool_calls": True,
            "store": False,
            "user": self.word(),
            "prompt_cache_key": self.word(),
            "safety_identifier": self.word(),
            self.word(): self.word(),
        }
        body |= {name: value for name, value in more.items() if self.flip()}


@st.composite
def whole_responses(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request."""
    return Maker(draw).request()
