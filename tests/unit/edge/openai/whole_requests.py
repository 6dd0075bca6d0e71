"""Requests that OpenAI's schema allows and that hold together, every leaf of them unique."""

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

MODELS = ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview")
_ROLES = ("system", "developer", "user", "assistant", "calls", "legacy")


class Maker:
    """Draws a request; each text and number in it occurs once."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers = itertools.count(1)

    def request(self) -> dict[str, Any]:
        """Return a request."""
        body: dict[str, Any] = {"model": self.pick(MODELS), "messages": self._messages()}
        self._add_tools(body)
        self._add_format(body)
        self._add_sampling(body)
        self._add_rest(body)
        return body

    def pick(self, values: Any) -> Any:
        return self._draw(st.sampled_from(values))

    def flip(self) -> bool:
        return bool(self._draw(st.booleans()))

    def some(self, most: int = 3) -> Iterator[int]:
        return iter(range(self._draw(st.integers(0, most))))

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
        values = {
            self.word(): self.pick([True, False, None, 1.5, {}, [], self.word(), self.number()])
            for _ in self.some()
        }
        return {self.word(): self.word(), "nested": {"list": [self.word(), values]}}

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": self.text(),
            "properties": {self.word(): {"enum": [self.word(), None]}},
            "additionalProperties": self.flip(),
        }

    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        for role in [self.pick(_ROLES) for _ in self.some(4)] or ["user"]:
            match role:
                case "calls":
                    messages += self._called()
                case "legacy":
                    messages += self._called_once()
                case "assistant":
                    messages.append(self._answer())
                case "user":
                    content = self.text() if self.flip() else self._parts()
                    messages.append({"role": role, "content": content, **self._named()})
                case _:
                    content = self.text() if self.flip() else self._texts()
                    messages.append({"role": role, "content": content, **self._named()})
        return messages

    def _named(self) -> dict[str, Any]:
        return {"name": self.word()} if self.flip() else {}

    def _odd(self) -> dict[str, Any]:
        """Return a field of somebody's own, now and then."""
        return {"extra": self.word()} if self.pick([True, False, False, False]) else {}

    def _texts(self) -> list[dict[str, Any]]:
        return [
            {"type": "text", "text": self.text(), **self._odd()} for _ in range(1 + self.flip())
        ]

    def _parts(self) -> list[dict[str, Any]]:
        return self._texts() + [self._medium() for _ in self.some()]

    def _medium(self) -> dict[str, Any]:
        data, word, odd = self.data(), self.word(), self._odd()
        image = odd | {"url": self.pick([f"data:image/png;base64,{data}", f"files/{word}"])}
        if self.flip():
            image["detail"] = self.pick(["auto", "low", "high"])
        file: dict[str, Any] = self.pick(
            [
                {"file_data": f"data:application/pdf;base64,{data}", "filename": f"{word}.pdf"},
                {"file_data": data, "filename": f"{word}.csv"},
                {"file_data": f"data:text/plain;base64,{data}", "filename": word},
                {"file_id": f"file-{word}"},
                {"file_id": f"files/{word}", "filename": self.word()},
            ]
        )
        medium: dict[str, Any] = self.pick(
            [
                {"type": "image_url", "image_url": image},
                {"type": "input_audio", "input_audio": odd | {"data": data, "format": "wav"}},
                {"type": "file", "file": file | odd},
            ]
        )
        return medium

    def _answer(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text(), **self._named()}
        message |= self._odd()
        more = {
            "refusal": self.text(),
            "reasoning_content": self.text(),
            "audio": {"id": self.word()},
            "annotations": [],
            "extra_content": {"google": {"thought_signature": self.data()}},
            "images": [{"image_url": {"url": f"data:image/png;base64,{self.data()}"}}],
            "function_call": None,
        }
        return message | {name: value for name, value in more.items() if self.flip()}

    def _called(self) -> list[dict[str, Any]]:
        calls = [self._call() for _ in range(1 + len([*self.some(2)]))]
        content = self.pick([None, self.text()])
        results = [
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": self.pick([self.text(), json.dumps(self.object()), self._texts()]),
                **({"name": call["function"]["name"]} if self.flip() else {}),
                **self._odd(),
            }
            for call in calls
        ]
        asked = {"role": "assistant", "content": content, "tool_calls": calls}
        return [asked, *self._draw(st.permutations(results))]

    def _call(self) -> dict[str, Any]:
        function = {"name": self.word(), "arguments": json.dumps(self.object()), **self._odd()}
        call = {"id": self.word(), "type": "function", "function": function, **self._odd()}
        if self.flip():
            call["extra_content"] = {"google": {"thought_signature": self.data()}}
        return call

    def _called_once(self) -> list[dict[str, Any]]:
        name = self.word()
        call = {"name": name, "arguments": json.dumps(self.object())}
        return [
            {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": name, "content": self.text()},
        ]

    def _add_tools(self, body: dict[str, Any]) -> None:
        functions: list[dict[str, Any]] = []
        for _ in self.some():
            function: dict[str, Any] = {"name": self.word(), **self._odd()}
            more = {"description": self.text(), "parameters": self.schema()}
            functions.append(
                function | {name: value for name, value in more.items() if self.flip()}
            )
        if self.flip():
            body["functions"] = functions
            choices = ["none", "auto", *({"name": one["name"]} for one in functions)]
            if self.flip() and functions:
                body["function_call"] = self.pick(choices)
            return
        for function in functions:
            if self.flip():
                function["strict"] = self.flip()
        if functions:
            body["tools"] = [
                {"type": "function", "function": one, **self._odd()} for one in functions
            ]
            named = {"type": "function", "function": {"name": functions[0]["name"]}}
            if self.flip():
                body["tool_choice"] = self.pick(["none", "auto", "required", named])
            if self.flip():
                body["parallel_tool_calls"] = self.flip()
        elif self.flip():
            body["web_search_options"] = {"search_context_size": "low"}

    def _add_format(self, body: dict[str, Any]) -> None:
        wanted: dict[str, Any] = {"name": self.word(), **self._odd()}
        more = {"description": self.text(), "schema": self.schema(), "strict": self.flip()}
        wanted |= {name: value for name, value in more.items() if self.flip()}
        if self.flip():
            body["response_format"] = self.pick(
                [
                    {"type": "text"},
                    {"type": "json_object"},
                    {"type": "json_schema", "json_schema": wanted},
                ]
            )

    def _add_sampling(self, body: dict[str, Any]) -> None:
        more = {
            "temperature": 1 + next(self._numbers) / 1024,
            "top_p": next(self._numbers) / 4096,
            "presence_penalty": next(self._numbers) / 2048,
            "frequency_penalty": -next(self._numbers) / 2048,
            "max_tokens": self.number(),
            "max_completion_tokens": self.number(),
            "seed": self.number(),
            "stop": self.pick([self.word(), [self.word(), self.word()]]),
            "logprobs": True,
            "reasoning_effort": self.pick(["none", "minimal", "low", "medium", "high", "xhigh"]),
            "modalities": self.pick([["text"], ["text", "audio"]]),
        }
        body |= {name: value for name, value in more.items() if self.flip()}
        if "logprobs" in body and self.flip():
            body["top_logprobs"] = 7

    def _add_rest(self, body: dict[str, Any]) -> None:
        more = {
            "user": self.word(),
            "metadata": {self.word(): self.word()},
            "store": self.flip(),
            "logit_bias": {"17": self.number()},
            "prediction": {"type": "content", "content": self.word()},
            "service_tier": self.pick(["auto", "default", "flex", "scale", "priority"]),
            "verbosity": self.pick(["low", "medium"]),
            "prompt_cache_key": self.word(),
            "safety_identifier": self.word(),
            "stream_options": {"include_usage": True},
            "audio": {"voice": self.pick(["alloy", "Kore"]), "format": "wav"},
            "google": {"safety_settings": [{"category": self.word()}], self.word(): self.word()},
        }
        body |= {name: value for name, value in more.items() if self.flip()}


@st.composite
def whole_requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request."""
    return Maker(draw).request()
