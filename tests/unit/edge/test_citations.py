"""What a request cites, however it is written."""

import json
import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.errors import ApiError
from services.edge.resources.citations import files_in, may_cite, read_citations, rename
from services.edge.resources.names import root_of
from services.edge.resources.renaming import Renaming

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/"


def cited(request: dict[str, Any], body: bytes | None = None) -> tuple[str, ...]:
    body = orjson.dumps(request) if body is None else body
    return read_citations(body, orjson.loads(body)).names


def part(uri: str, field: str = "fileUri", holder: str = "fileData") -> dict[str, Any]:
    return {"contents": [{"parts": [{holder: {field: uri}}]}]}


@pytest.mark.parametrize(
    ("request_body", "names"),
    [
        (part("files/abc-1"), ["files/abc-1"]),
        (part(f"{GOOGLE}files/abc-1"), ["files/abc-1"]),
        (part("https://generativelanguage.googleapis.com/v1/files/a"), ["files/a"]),
        (part("https://generativelanguage.googleapis.com/files/a"), ["files/a"]),
        (part("https://generativelanguage.googleapis.com/v1beta/files%2Fa"), ["files/a"]),
        (part("HTTPS://u@GenerativeLanguage.googleapis.com:443/x/files/a"), ["files/a"]),
        (part(f"{GOOGLE}files/a:download?alt=media"), ["files/a"]),
        (part("http://gateway.example:8000/gemini/v1beta/files/a?x=1"), ["files/a"]),
        (part("/v1beta/files/a/"), ["files/a"]),
        (part("generativelanguage.googleapis.com/v1beta/files/a"), ["files/a"]),
        (part("//generativelanguage.googleapis.com/v1beta/files/a"), ["files/a"]),
        (part("https:/generativelanguage.googleapis.com./v1beta//files//a"), ["files/a"]),
        (part("https:\\\\generativelanguage.googleapis.com\\files\\a"), ["files/a"]),
        (part("v1beta//files//a"), ["files/a"]),
        (part("%66iles%2Fa"), ["files/a"]),
        (part("  files/a\n"), ["files/a"]),
        (part("files/a", "file_uri", "file_data"), ["files/a"]),
        ({"systemInstruction": part("files/a")["contents"][0]}, ["files/a"]),
        ({"cachedContent": "cachedContents/c"}, ["cachedContents/c"]),
        ({"cached_content": "c"}, ["cachedContents/c"]),
        (
            {"tools": [{"fileSearch": {"file_search_store_names": ["fileSearchStores/s", "t"]}}]},
            ["fileSearchStores/s", "fileSearchStores/t"],
        ),
        (
            {"tools": [{"retrieval": {"document": "fileSearchStores/s/documents/d"}}]},
            ["fileSearchStores/s"],
        ),
        (
            {"batch": {"inputConfig": {"requests": {"requests": [{"request": part("files/a")}]}}}},
            ["files/a"],
        ),
        ({"batch": {"input_config": {"file_name": "files/a"}}}, ["files/a"]),
        ({"fileName": "a"}, ["files/a"]),
        ({"previous_interaction_id": "v1_Chd="}, ["interactions/v1_Chd="]),
        ({"previousInteractionId": "i"}, ["interactions/i"]),
        ({"environment": "env_1"}, ["environments/env_1"]),
        ({"environment": {"environment_id": "env_1"}}, ["environments/env_1"]),
        ({"input": [{"type": "document", "uri": "files/a"}]}, ["files/a"]),
        ({"input": [{"type": "function_result", "result": [{"uri": "files/a"}]}]}, ["files/a"]),
        ({"model": "tunedModels/t"}, ["tunedModels/t"]),
        ({"semanticRetriever": {"source": "corpora/c/documents/d"}}, ["corpora/c"]),
        (
            {"contents": [part("files/b")["contents"][0], part("files/a")["contents"][0]]},
            ["files/b", "files/a"],
        ),
        (
            {"contents": [part("files/a")["contents"][0], part("files/a")["contents"][0]]},
            ["files/a"],
        ),
    ],
)
def test_a_name_is_found(request_body: dict[str, Any], names: list[str]) -> None:
    assert cited(request_body) == tuple(names)


@pytest.mark.parametrize(
    "request_body",
    [
        {"contents": [{"parts": [{"text": "files/a"}]}]},
        {"contents": [{"parts": [{"inlineData": {"data": "files/a"}}]}]},
        {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"x": "files/a"}}}]}]},
        {"contents": [{"parts": [{"functionResponse": {"response": {"fileUri": "files/a"}}}]}]},
        {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"enum": ["files/a"]}}]}]},
        {"systemInstruction": "files/a", "input": "files/a"},
        {"system_instruction": "files/a"},
        {"generationConfig": {"responseSchema": {"enum": ["files/a"]}}},
        {"generationConfig": {"stopSequences": ["files/a"]}},
        {"labels": {"x": "files/a"}, "displayName": "files/a"},
        {"input": [{"type": "function_result", "result": "files/a"}]},
        {"input": [{"type": "function_result", "result": {"uri": "files/a"}}]},
        {"environment": "remote"},
        part("files/"),
        part("my files/a"),
        part("profiles/a"),
        part("files/report.pdf and more"),
        part("https://example.com/static/files/a"),
        part("https://example.com/v1/files/report.pdf"),
        part("https://www.youtube.com/watch?v=files"),
        part("gs://bucket/v1/files"),
        {"mcp": {"url": "https://example.com/v1/files/a"}},
        {"cachedContent": 7, "fileSearchStoreNames": None, "contents": [[["x"]]]},
    ],
)
def test_free_text_is_not_a_name(request_body: dict[str, Any]) -> None:
    assert cited(request_body) == ()


def spelled(request: dict[str, Any], how: str) -> bytes:
    """Write a request as different clients do."""
    plain = json.dumps(request, ensure_ascii=True)
    if how == "slashes":
        plain = plain.replace("/", "\\/")
    elif how == "letters":
        plain = plain.replace("files", "\\u0066ile\\u0073").replace("cached", "cach\\u0065d")
    elif how == "spaced":
        plain = json.dumps(request, indent=1)
    return plain.encode()


@pytest.mark.parametrize("how", ["plain", "slashes", "letters", "spaced"])
@pytest.mark.parametrize(
    "request_body",
    [
        part("files/a"),
        part(f"{GOOGLE}files/a"),
        {"cachedContent": "c"},
        {"cached_content": "c"},
        {"tools": [{"file_search": {"fileSearchStoreNames": ["s"]}}]},
        {"tools": [{"file_search": {"file_search_store_names": ["s"]}}]},
        {"model": "tunedModels/t"},
        {"source": "corpora/c"},
    ],
)
def test_no_spelling_slips_through(request_body: dict[str, Any], how: str) -> None:
    body = spelled(request_body, how)

    assert may_cite(body)
    assert cited(request_body, body) == cited(request_body) != ()


@pytest.mark.parametrize("path", ["v1beta/files%2Fa", "v1beta/%66iles/a", "v1beta%2ffiles%2fa"])
def test_percent_signs_do_not_hide_a_name(path: str) -> None:
    request = part(f"https://generativelanguage.googleapis.com/{path}")

    assert may_cite(orjson.dumps(request))
    assert cited(request) == ("files/a",)
    body = orjson.dumps(request)
    sent = read_citations(body, orjson.loads(body)).body
    assert orjson.loads(sent) == part(f"{GOOGLE}files/a")


def test_names_beside_large_data_are_found() -> None:
    data = {"inlineData": {"data": "QUJD" * 100_000}}
    request = {"contents": [{"parts": [data, part("files/a")["contents"][0]["parts"][0], data]}]}

    assert may_cite(orjson.dumps(request))
    assert cited(request) == ("files/a",)
    assert not may_cite(orjson.dumps(data))


def test_ordinary_requests_are_not_looked_at() -> None:
    assert not may_cite(b'{"contents":[{"parts":[{"text":"h\\u00e9llo \\n wor\\u4f60ld"}]}]}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"fileUri":"files/b","fileUri":"files/a"}',
        b'{"fileUri":"files/a","x":[{"text":"files/b","text":""}]}',
        b'{"file\\u0055ri":"x","fileUri":"files/a"}',
        b'{"\\u0066ileUri":"\\u0066iles/b","fileUri":"files/a"}',
    ],
)
def test_what_two_parsers_may_read_differently_is_sent_as_it_was_read(body: bytes) -> None:
    read = read_citations(body, orjson.loads(body))

    assert read.names == ("files/a",)
    assert b"files/b" not in read.body
    assert read.body != body
    assert orjson.loads(read.body) == orjson.loads(body)


@given(st.permutations(["files/a", "files/b", "c"]), st.booleans())
def test_of_repeated_fields_only_the_cited_one_is_sent(values: list[str], is_deep: bool) -> None:
    fields = ",".join(f'"fileUri":"{value}","text":"files/b files/a"' for value in values)
    body = (f'{{"x":[{{{fields}}}]}}' if is_deep else f"{{{fields}}}").encode()

    read = read_citations(body, orjson.loads(body))

    assert read.body.count(b"fileUri") == 1
    assert read.names == ((values[-1],) if values[-1] != "c" else ())


def test_an_empty_body_stays_empty() -> None:
    assert read_citations(b"", {}).body == b""


@pytest.mark.parametrize("field", ["fileUri", "file_uri", "uri", "cachedContent"])
def test_an_address_longer_than_any_is_refused(field: str) -> None:
    with pytest.raises(ApiError) as caught:
        cited({"x": {field: " " * 70_000 + "files/a"}})
    assert caught.value.status == 400


def test_letters_written_as_numbers_do_not_make_a_name_too_long_to_be_seen() -> None:
    name = "files/" + "a" * 40
    padded = " " * 70_000 + name
    body = b'{"x":"' + b"".join(b"\\u%04x" % ord(letter) for letter in padded) + b'"}'

    assert may_cite(body)
    assert cited({}, body) == (name,)


def test_names_below_the_top_are_citations() -> None:
    chunk = "corpora/c/documents/d/chunks/x"

    assert cited({"requests": [{"name": chunk}]}) == ("corpora/c",)
    assert cited({"requests": [{"chunk": {"name": chunk}}]}) == ("corpora/c",)
    assert cited({"name": "corpora/c"}) == ()


def test_addresses_of_other_hosts_become_googles() -> None:
    body = orjson.dumps(part("http://gateway.example/gemini/v1beta/files/a:download?alt=media"))

    sent = read_citations(body, orjson.loads(body)).body

    assert orjson.loads(sent) == part(f"{GOOGLE}files/a:download?alt=media")


NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,11}\Z").map("files/{}".format)
TEXTS = st.text(alphabet=string.ascii_letters + string.digits + '/-.: é"\\', max_size=12)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Requests that cite files in any way, between texts of any kind."""
    forms = st.sampled_from(["{}", GOOGLE + "{}", "{}:download", GOOGLE + "{}?x=1"])
    uris = st.builds(lambda form, name: form.format(name), forms, NAMES)
    fields = st.sampled_from(["fileUri", "file_uri", "uri", "text", "data", "other"])
    inner = st.dictionaries(fields, uris | TEXTS, max_size=3)
    parts = st.recursive(
        inner, lambda deeper: st.dictionaries(fields, st.lists(deeper, max_size=3), max_size=2)
    )
    return {"contents": draw(st.lists(parts, max_size=4))}


@given(requests())
def test_names_can_be_changed_and_nothing_else(request_body: dict[str, Any]) -> None:
    body = orjson.dumps(request_body)
    names = cited(request_body)
    copies = {name: f"files/copy-{at}x" for at, name in enumerate(names)}

    renamed = rename(body, copies)

    assert cited({}, renamed) == tuple(copies.values())
    back = {copy: name for name, copy in copies.items()}
    assert orjson.loads(rename(renamed, back)) == request_body


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (" files/a ", "files/a"),
        ("/v1beta/files/a/", "files/a"),
        ("files/a/../b", "files/a"),
        (f"{GOOGLE}files/a/../b", f"{GOOGLE}files/a"),
        (f"{GOOGLE}x?y=/files/a", f"{GOOGLE}files/a"),
        (f"{GOOGLE}%66iles/a?x=/files/b", f"{GOOGLE}files/a"),
        ("https://x.googleapis.com/files/a/files/b", f"{GOOGLE}files/a"),
    ],
)
def test_names_that_can_be_read_in_several_ways_are_written_anew(text: str, sent: str) -> None:
    body = orjson.dumps(part(text))

    read = read_citations(body, orjson.loads(body))

    assert read.names == ("files/a",)
    assert orjson.loads(read.body) == part(sent)


@given(requests())
def test_a_request_that_cites_is_always_looked_at(request_body: dict[str, Any]) -> None:
    if cited(request_body):
        assert may_cite(orjson.dumps(request_body))
        assert may_cite(json.dumps(request_body).encode())


@given(
    st.recursive(
        st.none() | TEXTS | st.booleans(), lambda x: st.lists(x) | st.dictionaries(TEXTS, x)
    )
)
def test_any_json_can_be_read(value: Any) -> None:
    body = orjson.dumps({"x": value})

    assert orjson.loads(read_citations(body, orjson.loads(body)).body) == {"x": value}


def test_deep_nests_are_read_and_deeper_ones_refused() -> None:
    deep = b"[" * 200 + b'"files/a"' + b"]" * 200
    deeper = b"[" * 900 + b'"files/a"' + b"]" * 900

    assert cited({}, b'{"x":%b}' % deep) == ("files/a",)
    with pytest.raises(ApiError, match="nested too deeply"):
        cited({}, b'{"x":%b}' % deeper)


class TestFilesIn:
    def test_operations_and_batches_tell_what_they_made(self) -> None:
        answer = {
            "name": "batches/b",
            "metadata": {"output": {"responsesFile": "files/batch-b"}},
            "response": {
                "generateVideoResponse": {
                    "generatedSamples": [{"video": {"uri": f"{GOOGLE}files/v:download?alt=media"}}]
                }
            },
        }

        assert files_in(answer) == ("files/batch-b", "files/v")

    def test_what_a_model_says_is_not_a_file(self) -> None:
        candidates = [{"content": {"parts": [{"text": "files/a"}]}}]

        assert files_in({"response": {"candidates": candidates}}) == ()


class TestRenaming:
    renaming = Renaming(
        {"files/mine": "files/c1", "files/other": "files/c1-b", "files/x": "files/x"}
    )

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (b'{"fileUri":"files/c1"}', b'{"fileUri":"files/mine"}'),
            (b'{"uri":"https://h/v1beta/files/c1-b:download"}', None),
            (b'"files\\/c1"', b'"files\\/mine"'),
            (b"access the File c1 or it", b"access the File mine or it"),
            (b"files/c10 files/c1x c1 files/x", b"files/c10 files/c1x c1 files/x"),
        ],
    )
    def test_answers_name_what_the_client_knows(self, answer: bytes, told: bytes | None) -> None:
        expected = answer.replace(b"c1-b", b"other") if told is None else told

        assert self.renaming.back(answer) == expected

    @given(NAMES, st.binary(max_size=40))
    def test_names_that_stay_change_nothing(self, name: str, answer: bytes) -> None:
        assert Renaming({name: name}).back(answer) == answer


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("files/a", "files/a"),
        ("batches/b", "batches/b"),
        ("operations/o", "operations/o"),
        ("models/veo-3/operations/o-1", "models/veo-3/operations/o-1"),
        ("fileSearchStores/s/upload/operations/o", "fileSearchStores/s"),
        ("tunedModels/t/permissions/p", "tunedModels/t"),
        ("interactions/v1_Chd=", "interactions/v1_Chd="),
        ("models/m", None),
        ("models/m/other/o", None),
        ("files", None),
        ("files/", None),
        ("files/a b", None),
        ("agents/a", None),
    ],
)
def test_what_lies_below_belongs_to_what_is_above(name: str, root: str | None) -> None:
    assert root_of(name) == root
