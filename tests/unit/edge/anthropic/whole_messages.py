"""Requests that Anthropic's schema allows and that hold together, every leaf of them unique."""

import base64
import itertools
from typing import Any

from hypothesis import strategies as st

MODELS = ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview")
_ROLES = ("user", "assistant", "calls", "ran")


class Maker:
    """Draws a request; each text and number in it occurs once."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers = itertools.count(1)

    def request(self) -> dict[str, Any]:
        """Return a request."""
        body: dict[str, Any] = {
            "model": self.pick(MODELS),
            "max_tokens": self.number(),
            "messages": self._messages(),
        }
        if self.flip():
            body["system"] = self.text() if self.flip() else self._texts()
        self._add_tools(body)
        self._add_rest(body)
        return body

    def pick(self, values: Any) -> Any:
        return self._draw(st.sampled_from(values))

    def flip(self) -> bool:
        return bool(self._draw(st.booleans()))

    def some(self, most: int = 2) -> range:
        return range(self._draw(st.integers(0, most)))

    def text(self) -> str:
        # With what could be taken for something else by a careless reader.
        wrap = self.pick(["{}", "{} files/abc", '"{}"\r\n\r\n', "data: {}", "{}é\u2028", "[{}"])
        return str(wrap.replace("{}", self.word()))

    def word(self) -> str:
        return f"w{next(self._numbers):04d}z"

    def number(self) -> int:
        return 100_000 + next(self._numbers)

    def data(self) -> str:
        return base64.b64encode(self.word().encode()).decode()

    def object(self) -> dict[str, Any]:
        return {self.word(): self.word(), "nested": {"list": [self.number(), None, 1.5, {}]}}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "properties": {self.word(): {"enum": [self.word(), None]}}}

    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = [{"role": "user", "content": self.text()}]
        for role in [self.pick(_ROLES) for _ in self.some(3)]:
            match role:
                case "calls":
                    messages += self._called()
                case "ran":
                    messages.append({"role": "assistant", "content": self._ran()})
                case "assistant":
                    content = [*self._thought(), *self._texts()]
                    messages.append({"role": role, "content": content})
                case _:
                    content = self._texts() + [self._medium() for _ in self.some()]
                    messages.append({"role": role, "content": content})
        return messages

    def _odd(self) -> dict[str, Any]:
        """Return a field of somebody's own, now and then."""
        odd: dict[str, Any] = self.pick(
            [{}, {}, {}, {}, {"extra": self.word()}, {"cache_control": {"type": "ephemeral"}}]
        )
        return odd

    def _texts(self) -> list[dict[str, Any]]:
        return [
            {"type": "text", "text": self.text(), **self._odd()} for _ in range(1 + self.flip())
        ]

    def _thought(self) -> list[dict[str, Any]]:
        signature = self.pick(["gemini-", "", "Q2xhdWRlOg"]) + self.data()
        thinking = {"type": "thinking", "thinking": self.text(), "signature": signature}
        hidden = {"type": "redacted_thinking", "data": self.data()}
        found: list[dict[str, Any]] = self.pick([[], [thinking], [hidden]])
        return found

    def _image(self) -> dict[str, Any]:
        source = self.pick(
            [
                {"type": "base64", "media_type": "image/png", "data": self.data()},
                {"type": "url", "url": f"data:image/webp;base64,{self.data()}"},
                {"type": "file", "file_id": f"file-{self.word()}"},
            ]
        )
        return {"type": "image", "source": source | self._odd(), **self._odd()}

    def _document(self) -> dict[str, Any]:
        source = self.pick(
            [
                {"type": "base64", "media_type": "application/pdf", "data": self.data()},
                {"type": "text", "media_type": "text/plain", "data": self.text()},
                {"type": "file", "file_id": f"files/{self.word()}"},
                {"type": "content", "content": self._texts()},
                {"type": "content", "content": self.text()},
            ]
        )
        more = {"title": self.text(), "context": self.text(), "citations": {"enabled": True}}
        chosen = {name: value for name, value in more.items() if self.flip()}
        return {"type": "document", "source": source, **chosen, **self._odd()}

    def _medium(self) -> dict[str, Any]:
        found = {
            "type": "search_result",
            "source": self.word(),
            "title": self.text(),
            "content": self._texts(),
        }
        medium: dict[str, Any] = self.pick([self._image(), self._document(), found])
        return medium

    def _called(self) -> list[dict[str, Any]]:
        calls = [
            {
                "type": "tool_use",
                "id": self.word() + self.pick(["", f"__sig__{self.data().rstrip('=')}"]),
                "name": self.word(),
                "input": self.object(),
                **self._odd(),
            }
            for _ in range(1 + len(self.some()))
        ]
        results = [self._result(call["id"]) for call in calls]
        if self.flip():
            results.reverse()
        said = self._texts() if self.flip() else []
        return [
            {"role": "assistant", "content": [*self._thought(), *said, *calls]},
            {"role": "user", "content": [*results, *said]},
        ]

    def _result(self, call_id: str) -> dict[str, Any]:
        content = self.pick([self.text(), [*self._texts(), self._image()], [self._document()]])
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": content}
        result |= self.pick([{}, {"is_error": True}])
        return result | self._odd()

    def _ran(self) -> list[dict[str, Any]]:
        code_id = f"srvtoolu_{self.word()}"
        return [
            {
                "type": "server_tool_use",
                "id": code_id,
                "name": "code_execution",
                "input": {"code": self.text()},
            },
            {
                "type": "code_execution_tool_result",
                "tool_use_id": code_id,
                "content": {
                    "type": "code_execution_result",
                    "stdout": self.text(),
                    "stderr": self.text(),
                    "return_code": 0,
                    "content": [],
                },
            },
        ]

    def _add_tools(self, body: dict[str, Any]) -> None:
        tools = [
            {
                "name": self.word(),
                "description": self.text(),
                "input_schema": self.schema(),
                **self.pick([{}, {"type": "custom"}, {"strict": True}]),
                **self._odd(),
            }
            for _ in self.some()
        ]
        if tools:
            body["tools"] = tools
            choice = self.pick(
                [
                    {"type": "auto"},
                    {"type": "any"},
                    {"type": "none"},
                    {"type": "tool", "name": tools[0]["name"]},
                    None,
                ]
            )
            if choice is not None:
                body["tool_choice"] = choice
        elif self.flip():
            body["tools"] = [
                {"type": "web_search_20250305", "name": "web_search", "max_uses": self.number()}
            ]

    def _add_rest(self, body: dict[str, Any]) -> None:
        more = {
            "temperature": next(self._numbers) / 1024,
            "top_p": next(self._numbers) / 4096,
            "top_k": self.number(),
            "stop_sequences": [self.word(), self.word()],
            "thinking": self.pick(
                [
                    {"type": "enabled", "budget_tokens": 2048},
                    {"type": "disabled"},
                    {"type": "adaptive"},
                ]
            ),
            "output_config": self.pick(
                [
                    {"effort": "low"},
                    {"format": {"type": "json_schema", "schema": self.schema()}},
                ]
            ),
            "metadata": {"user_id": self.word()},
            "service_tier": "standard_only",
            "container": self.word(),
            self.word(): self.word(),
        }
        body |= {name: value for name, value in more.items() if self.flip()}


@st.composite
def whole_messages(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request."""
    return Maker(draw).request()
