from typing import Any

import orjson
import pytest

from services.simulator.errors import ApiError
from services.simulator.fields import MESSAGES, snake
from services.simulator.validation import read_message

GENERATE = "GenerateContentRequest"


def read(body: Any, message: str = GENERATE) -> dict[str, Any]:
    return read_message(message, orjson.dumps(body))


def refusal(body: bytes, message: str = GENERATE) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_message(message, body)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    return caught.value


def test_both_spellings_are_read_as_one() -> None:
    found = read(
        {
            "system_instruction": {"parts": [{"text": "s"}]},
            "generationConfig": {"max_output_tokens": 5, "thinkingConfig": {"thinking_budget": 1}},
            "contents": [{"parts": [{"inline_data": {"mime_type": "a/b", "data": "AAA="}}]}],
        }
    )

    assert found == {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 1}},
        "contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": "AAA="}}]}],
    }


def test_nothing_in_a_list_is_left_out() -> None:
    assert read({"contents": [None, {"parts": [None]}]}) == {"contents": [{"parts": []}]}


def test_what_the_user_names_keeps_its_spelling() -> None:
    declared = {"name": "f", "parameters": {"type": "object", "properties": {"my_arg": {}}}}
    call = {"functionCall": {"name": "f", "args": {"my_arg": 1}}}

    found = read({"tools": [{"function_declarations": [declared]}], "contents": {"parts": call}})

    parameters = found["tools"][0]["functionDeclarations"][0]["parameters"]
    assert parameters == {"type": "OBJECT", "properties": {"my_arg": {}}}
    assert found["contents"][0]["parts"][0]["functionCall"]["args"] == {"my_arg": 1}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"foo": 1}, None, 'Unknown name "foo": Cannot find field.'),
        ({"generationConfig": {"foo": 1}}, "generation_config",
         "Unknown name \"foo\" at 'generation_config': Cannot find field."),
        ({"contents": [{"parts": [{"txt": "x"}]}]}, "contents[0].parts[0]",
         "Unknown name \"txt\" at 'contents[0].parts[0]': Cannot find field."),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {
            "type": "object", "additionalProperties": False}}]}]},
         "tools[0].function_declarations[0].parameters",
         ("Unknown name \"additionalProperties\" at "
         "'tools[0].function_declarations[0].parameters': Cannot find field.")),
        ({"generationConfig": {"responseSchema": {"properties": {"a": {"$ref": "#"}}}}},
         "generation_config.response_schema.properties[a]",
         ("Unknown name \"$ref\" at 'generation_config.response_schema.properties[a]': "
         "Cannot find field.")),
        ({"generationConfig": {"temperature": "hot"}}, "generation_config.temperature",
         "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\""),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text",
         "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 1"),
        ({"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]}, "contents[0].parts[0]",
         "oneof field 'data' is already set. Cannot set 'inlineData'"),
        ({"contents": [{"parts": [{"inlineData": {"data": "%%"}}]}]},
         "contents[0].parts[0].inline_data.data", "Base64 decoding failed for \"%%\""),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}},
         "tool_config.function_calling_config.mode", "(TYPE_ENUM), \"MAYBE\""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(
    body: dict[str, Any], field: str | None, message: str
) -> None:
    error = refusal(orjson.dumps(body))

    assert message in error.message
    violation = error.details[0]["fieldViolations"][0]
    assert violation.get("field") == field
    assert message in violation["description"]


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"contents": [}', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    assert refusal(body).message.startswith("Invalid JSON payload received. ")


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"5"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(body).message.startswith("Invalid value at ''")


def test_all_problems_are_told_at_once() -> None:
    error = refusal(b'{"foo": 1, "bar": 2}')

    assert len(error.details[0]["fieldViolations"]) == 2


def test_numbers_may_come_as_text_and_enumerations_in_any_case() -> None:
    found = read({"generationConfig": {"seed": "12", "responseModalities": ["text"]}})

    assert found["generationConfig"] == {"seed": 12, "responseModalities": ["TEXT"]}


def test_no_body_is_an_empty_message() -> None:
    assert read_message("CreateFileRequest", b"") == {}


def test_null_fields_are_as_good_as_absent() -> None:
    assert read({"contents": [{"parts": [{"text": "a"}], "role": None}]}) == {
        "contents": [{"parts": [{"text": "a"}]}]
    }


def test_every_type_named_in_the_table_is_known() -> None:
    scalars = {"string", "int", "number", "bool", "bytes", "any", "struct"}

    for fields in MESSAGES.values():
        for kind in fields.values():
            bare = kind.removesuffix("[]").removesuffix("{}")
            assert bare in scalars or bare in MESSAGES or bare.startswith("enum:")


def test_names_are_turned_as_protobuf_does() -> None:
    assert [snake(name) for name in ("text", "topP", "sha256Hash", "parametersJsonSchema")] == [
        "text",
        "top_p",
        "sha256_hash",
        "parameters_json_schema",
    ]
