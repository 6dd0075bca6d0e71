"""Messages: who said what, in the turns that Gemini insists on."""

from typing import Any

import pytest

from services.edge.openai.chat_request import translate_chat
from services.edge.openai.errors import BadRequestError
from services.edge.openai.signatures import SKIP_SIGNATURE, sign_call_id

OLD, NEW = "gemini-2.5-flash", "gemini-3-flash-preview"


def gemini_body(*messages: dict[str, Any], model: str = OLD) -> dict[str, Any]:
    return translate_chat({"model": model, "messages": list(messages)}).gemini_body


def contents(*messages: dict[str, Any], model: str = OLD) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = gemini_body(*messages, model=model)["contents"]
    return result


def refused(*messages: Any) -> BadRequestError:
    with pytest.raises(BadRequestError) as caught:
        translate_chat({"model": OLD, "messages": list(messages)})
    return caught.value


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def call(call_id: str, name: str, arguments: str = "{}", **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def calls(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(items), **more}


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def texts(parts: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for part in parts]


class TestTurns:
    def test_system_and_developer_messages_anywhere_become_one_instruction(self) -> None:
        body = gemini_body(
            {"role": "system", "content": "be kind"},
            user("hi"),
            {"role": "developer", "content": [{"type": "text", "text": "be short"}]},
        )

        assert texts(body["systemInstruction"]["parts"]) == ["be kind", "be short"]
        assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]

    def test_consecutive_messages_of_one_role_become_one_turn(self) -> None:
        turns = contents(
            user("a"),
            user("b"),
            {"role": "assistant", "content": "c"},
            {"role": "assistant", "content": "d"},
            user("e"),
        )

        assert [(turn["role"], texts(turn["parts"])) for turn in turns] == [
            ("user", ["a", "b"]),
            ("model", ["c", "d"]),
            ("user", ["e"]),
        ]

    @pytest.mark.parametrize("role", ["system", "assistant"])
    def test_a_conversation_begins_with_the_user(self, role: str) -> None:
        turns = contents({"role": role, "content": "x"})

        assert turns[0] == {"role": "user", "parts": [{"text": "."}]}

    def test_empty_texts_are_not_sent(self) -> None:
        turns = contents(
            user([{"type": "text", "text": ""}, {"type": "text", "text": "a"}]),
            {"role": "assistant", "content": ""},
            user(""),
        )

        assert turns == [{"role": "user", "parts": [{"text": "a"}, {"text": " "}]}]

    def test_refusals_become_text_and_thoughts_are_left_out(self) -> None:
        turns = contents(
            user("a"),
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            user("b"),
            {"role": "assistant", "content": None, "refusal": "never", "reasoning_content": "hm"},
        )

        assert texts(turns[1]["parts"]) == ["no"]
        assert texts(turns[3]["parts"]) == ["never"]


class TestToolResults:
    def test_results_are_grouped_after_their_calls_and_in_their_order(self) -> None:
        turns = contents(
            user("a"),
            calls(call("1", "sun"), call("2", "rain"), content="let me see"),
            user("hurry"),
            result("2", "wet"),
            result("1", '{"hot": true}'),
        )

        assert [turn["role"] for turn in turns] == ["user", "model", "user"]
        assert turns[1]["parts"] == [
            {"text": "let me see"},
            {"functionCall": {"name": "sun", "args": {}}},
            {"functionCall": {"name": "rain", "args": {}}},
        ]
        assert turns[2]["parts"] == [
            {"functionResponse": {"name": "sun", "response": {"hot": True}}},
            {"functionResponse": {"name": "rain", "response": {"output": "wet"}}},
            {"text": "hurry"},
        ]

    @pytest.mark.parametrize(
        ("content", "response"),
        [
            ("plain", {"output": "plain"}),
            ("", {"output": ""}),
            ("42", {"output": "42"}),
            ("[1, 2]", {"output": [1, 2]}),
            ('{"a": 1}', {"a": 1}),
            ("{broken", {"output": "{broken"}),
            ("[" * 200 + "]" * 200, {"output": "[" * 200 + "]" * 200}),
            ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {"output": "a\nb"}),
        ],
    )
    def test_a_result_is_always_an_object(self, content: Any, response: dict[str, Any]) -> None:
        turns = contents(user("a"), calls(call("1", "f")), result("1", content))

        assert turns[2]["parts"][0]["functionResponse"]["response"] == response

    def test_pictures_in_results_follow_the_results(self) -> None:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

        turns = contents(
            user("a"),
            calls(call("1", "f"), call("2", "g")),
            result("1", [picture]),
            result("2", "b"),
        )

        kinds = [next(iter(part)) for part in turns[2]["parts"]]
        assert kinds == ["functionResponse", "functionResponse", "inlineData"]

    def test_ids_that_repeat_from_turn_to_turn_find_the_latest_call(self) -> None:
        turns = contents(
            user("a"),
            calls(call("", "first")),
            result("", "1"),
            calls(call("", "second"), call("", "third")),
            result("", "2"),
            result("", "3"),
        )

        names = [part["functionResponse"]["name"] for part in turns[4]["parts"]]
        outputs = [part["functionResponse"]["response"]["output"] for part in turns[4]["parts"]]
        assert names == ["second", "third"]
        assert outputs == ["2", "3"]

    def test_a_missing_result_is_refused_in_openais_words(self) -> None:
        error = refused(
            user("a"), calls(call("1", "f"), call("2", "g"), call("3", "h")), result("2", "")
        )

        assert error.message.startswith("An assistant message with 'tool_calls' must be followed")
        assert error.message.endswith("did not have response messages: 1, 3")

    @pytest.mark.parametrize(
        "message",
        [result("9", "x"), {"role": "function", "name": "f", "content": "x"}],
    )
    def test_a_result_without_call_is_refused(self, message: dict[str, Any]) -> None:
        error = refused(user("a"), message)

        assert "must be a response to a preceding message" in error.message
        assert error.param == "messages[1].role"

    @pytest.mark.parametrize("arguments", [None, "", " ", "{}", {}])
    def test_no_arguments_are_an_empty_object(self, arguments: Any) -> None:
        function = {"name": "f", "arguments": arguments}

        turns = contents(user("a"), calls({"id": "1", "function": function}), result("1", "x"))

        assert turns[1]["parts"] == [{"functionCall": {"name": "f", "args": {}}}]

    def test_legacy_calls_and_results(self) -> None:
        turns = contents(
            user("a"),
            {"role": "assistant", "function_call": {"name": "f", "arguments": '{"x": 1}'}},
            {"role": "function", "name": "f", "content": None},
        )

        assert turns[1]["parts"] == [{"functionCall": {"name": "f", "args": {"x": 1}}}]
        assert turns[2]["parts"] == [
            {"functionResponse": {"name": "f", "response": {"output": ""}}}
        ]


class TestSignatures:
    def test_ids_go_only_to_models_that_accept_them(self) -> None:
        history = (user("a"), calls(call("c1", "f")), result("c1", "x"))

        old, new = contents(*history, model=OLD), contents(*history, model=NEW)

        assert "id" not in old[1]["parts"][0]["functionCall"]
        assert "id" not in old[2]["parts"][0]["functionResponse"]
        assert new[1]["parts"][0]["functionCall"]["id"] == "c1"
        assert new[2]["parts"][0]["functionResponse"]["id"] == "c1"

    def test_a_signature_comes_back_from_extra_content(self) -> None:
        signed = call("c1", "f", extra_content={"google": {"thought_signature": "AB+/"}})

        turns = contents(user("a"), calls(signed), result("c1", "x"), model=NEW)

        assert turns[1]["parts"][0]["thoughtSignature"] == "AB+/"

    def test_a_signature_comes_back_inside_the_id(self) -> None:
        carrier = sign_call_id("c1", "AB+/CQ==")

        turns = contents(user("a"), calls(call(carrier, "f")), result(carrier, "x"), model=NEW)

        assert turns[1]["parts"][0] == {
            "functionCall": {"name": "f", "args": {}, "id": "c1"},
            "thoughtSignature": "AB+/CQ==",
        }
        assert turns[2]["parts"][0]["functionResponse"]["id"] == "c1"

    def test_only_the_first_call_of_a_step_gets_the_sentinel(self) -> None:
        turns = contents(
            user("a"),
            calls(call("1", "f"), call("2", "g")),
            result("1", "x"),
            result("2", "y"),
            calls(call("3", "h")),
            result("3", "z"),
            model=NEW,
        )

        assert turns[1]["parts"][0]["thoughtSignature"] == SKIP_SIGNATURE
        assert "thoughtSignature" not in turns[1]["parts"][1]
        assert turns[3]["parts"][0]["thoughtSignature"] == SKIP_SIGNATURE

    def test_models_that_do_not_check_get_no_sentinel(self) -> None:
        turns = contents(user("a"), calls(call("1", "f")), result("1", "x"))

        assert "thoughtSignature" not in turns[1]["parts"][0]

    def test_models_that_do_not_think_get_no_signature(self) -> None:
        signed = call("1", "f", extra_content={"google": {"thought_signature": "AAAA"}})

        turns = contents(user("a"), calls(signed), result("1", "x"), model="gemini-2.0-flash")

        assert "thoughtSignature" not in turns[1]["parts"][0]

    def test_what_is_no_base64_counts_as_no_signature(self) -> None:
        signed = call("1", "f", extra_content={"google": {"thought_signature": "no sig!"}})

        turns = contents(user("a"), calls(signed), result("1", "x"), model=NEW)

        assert turns[1]["parts"][0]["thoughtSignature"] == SKIP_SIGNATURE

    def test_a_messages_signature_belongs_to_its_text(self) -> None:
        extra = {"google": {"thought_signature": "AAAA"}}

        turns = contents(
            user("a"), {"role": "assistant", "content": "b", "extra_content": extra}, model=NEW
        )

        assert turns[1]["parts"] == [{"text": "b", "thoughtSignature": "AAAA"}]

    def test_a_messages_signature_belongs_to_its_call_when_there_is_no_text(self) -> None:
        extra = {"google": {"thought_signature": "AAAA"}}

        turns = contents(
            user("a"), calls(call("", "f"), extra_content=extra), result("", "x"), model=NEW
        )

        assert turns[1]["parts"][0]["thoughtSignature"] == "AAAA"


@pytest.mark.parametrize(
    ("messages", "param", "code"),
    [
        ([], "messages", "empty_array"),
        (["hi"], "messages[0]", "invalid_type"),
        ([{"content": "a"}], "messages[0].role", "missing_required_parameter"),
        ([{"role": "robot", "content": "a"}], "messages[0].role", "invalid_value"),
        ([{"role": "user"}], "messages[0].content", "missing_required_parameter"),
        ([user(7)], "messages[0].content", "invalid_type"),
        ([user([7])], "messages[0].content[0]", "invalid_type"),
        ([user([{"type": "text"}])], "messages[0].content[0].text", "missing_required_parameter"),
        ([user([{"type": "smell"}])], "messages[0].content[0].type", "invalid_value"),
        (
            [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            [calls(call("1", "f", "{no"))],
            "messages[0].tool_calls[0].function.arguments",
            "invalid_value",
        ),
        (
            [calls(call("1", "f", "[]"))],
            "messages[0].tool_calls[0].function.arguments",
            "invalid_value",
        ),
        (
            [calls({"id": "1", "type": "custom", "custom": {}})],
            "messages[0].tool_calls[0].type",
            "invalid_value",
        ),
        (
            [calls({"type": "function"})],
            "messages[0].tool_calls[0].id",
            "missing_required_parameter",
        ),
        (
            [{"role": "tool", "content": "x"}],
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        (
            [
                {
                    "role": "assistant",
                    "extra_content": {"google": {"parts": [{"functionCall": {"name": "f"}}]}},
                }
            ],
            "messages[0].extra_content.google.parts[0]",
            "invalid_value",
        ),
        (
            [{"role": "assistant", "extra_content": 3}],
            "messages[0].extra_content",
            "invalid_type",
        ),
    ],
)
def test_wrong_messages_are_refused_by_name(messages: list[Any], param: str, code: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        translate_chat({"model": OLD, "messages": messages})

    assert (caught.value.param, caught.value.code) == (param, code)
