"""What the edge reads out of a request's content."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.affinity import prefix_hash
from services.edge.estimating import estimate_tokens
from services.edge.signatures import PASS, repair_signatures

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
REQUESTS = st.dictionaries(
    st.sampled_from(["contents", "tools", "systemInstruction", "system_instruction", "x"]), JSON
)


def turn(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def number(client: str, model: str, request: dict[str, Any]) -> int:
    return prefix_hash(client, model, orjson.dumps(request), request)


class TestAffinity:
    def test_short_beginnings_have_no_preference(self) -> None:
        assert number("c", "m", {"contents": [turn("hi")]}) == 0

    @given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
    def test_a_conversation_keeps_its_number(self, later: list[str]) -> None:
        request = {"systemInstruction": turn("rules " * 1000), "contents": [turn("hi")]}
        longer = request | {"contents": [turn("hi"), *map(turn, later)]}

        assert number("c", "m", request) == number("c", "m", longer) != 0

    def test_long_first_turns_count(self) -> None:
        request = {"contents": [turn("a" * 3000), turn("b" * 3000, "model")]}
        longer = {"contents": [*request["contents"], turn("more")]}
        other = {"contents": [turn("a" * 3000), turn("c" * 3000, "model")]}

        assert number("c", "m", request) == number("c", "m", longer)
        assert number("c", "m", request) != number("c", "m", other)

    def test_clients_and_models_are_kept_apart(self) -> None:
        request = {"system_instruction": turn("rules " * 1000)}

        numbers = {number(client, model, request) for client in ("c", "d") for model in ("m", "n")}
        assert len(numbers) == 4

    @pytest.mark.parametrize("declared", ["functionDeclarations", "function_declarations"])
    @pytest.mark.parametrize("signed", ["thoughtSignature", "thought_signature"])
    def test_rounds_of_a_short_tool_loop_share_a_number(self, declared: str, signed: str) -> None:
        first = {"tools": [{declared: [{"name": "f"}]}], "contents": [turn("hi")]}
        answer = {"role": "model", "parts": [{"functionCall": {"name": "f"}, signed: "c2ln"}]}
        result = {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]}
        second = first | {"contents": [turn("hi"), answer, result]}
        third = first | {"contents": [turn("hi"), answer, result, answer, result]}
        other = first | {"contents": [turn("ho")]}

        assert number("c", "m", first) == number("c", "m", second) == number("c", "m", third) != 0
        assert number("c", "m", first) != number("c", "m", other)

    @pytest.mark.parametrize("token", ["continuationToken", "continuation_token"])
    def test_what_goes_on_from_a_token_has_a_number(self, token: str) -> None:
        request = {"contents": [turn("hi")], token: "t1"}

        assert number("c", "m", request) == number("c", "m", request | {token: "t2"}) != 0

    @given(REQUESTS)
    def test_any_request_has_a_number(self, request: dict[str, Any]) -> None:
        assert 0 <= number("c", "m", request) < 2**64


class TestEstimate:
    def test_text_is_about_four_bytes_a_token(self) -> None:
        request = {"contents": [turn("word " * 400)]}

        assert 450 <= estimate_tokens(orjson.dumps(request), request) <= 600

    @pytest.mark.parametrize("field", ["inlineData", "inline_data"])
    def test_media_are_counted_by_the_piece(self, field: str) -> None:
        data = base64.b64encode(bytes(3_000_000)).decode()
        request = {"contents": [{"parts": [{"text": "what is this"}, {field: {"data": data}}]}]}

        assert 1_000 <= estimate_tokens(orjson.dumps(request), request) <= 1_100

    @given(REQUESTS)
    def test_any_request_has_an_estimate(self, request: dict[str, Any]) -> None:
        assert estimate_tokens(orjson.dumps(request), request) >= 1


class TestSignatures:
    def test_foreign_ones_are_replaced_and_missing_ones_added(self) -> None:
        call = {"functionCall": {"name": "f", "args": {}}}
        request = {
            "contents": [
                turn("go"),
                {
                    "role": "model",
                    "parts": [{"text": "hm", "thoughtSignature": "abc="}, call, call],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
                {"role": "model", "parts": [{**call, "thought_signature": "def="}, call]},
            ]
        }

        repaired = repair_signatures(orjson.dumps(request))

        assert repaired is not None
        contents = orjson.loads(repaired)["contents"]
        assert contents[1]["parts"] == [
            {"text": "hm", "thoughtSignature": PASS},
            {**call, "thoughtSignature": PASS},
            call,
        ]
        assert contents[3]["parts"] == [{**call, "thought_signature": PASS}, call]
        assert repair_signatures(repaired) is None, "a second refusal stands"

    @given(REQUESTS)
    def test_any_request_can_be_looked_at(self, request: dict[str, Any]) -> None:
        repair_signatures(orjson.dumps(request))

    def test_the_pass_is_what_google_documents(self) -> None:
        assert base64.b64decode(PASS) == b"skip_thought_signature_validator"
