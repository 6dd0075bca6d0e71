import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.errors import ApiError
from services.edge.paths import Method, check_path, method_of, model_of_id


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/hf/v1/models", "/v1/models"),
        ("/gemini/v1beta/models/x:generateContent", "/v1beta/models/x:generateContent"),
        ("/v1/models/models%2Fgemini-2.5-pro", "/v1/models/models%2Fgemini-2.5-pro"),
        ("/v1beta/models/gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro"),
        ("/v1beta/models/a..b:x", "/v1beta/models/a..b:x"),
    ],
)
def test_paths_that_are_let_in(path: str, canonical: str) -> None:
    assert check_path(path) == canonical


@given(
    st.sampled_from(["..", ".", "%2e%2e", "%2E.", ".%2e", "%2e"]),
    st.sampled_from(["/v1/models/", "/v1beta/", "/upload/v1beta/", "/"]),
    st.sampled_from(["", "/", "/x"]),
)
def test_dot_segments_are_refused_in_any_spelling(dots: str, before: str, after: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_path(before + dots + after)
    assert refused.value.status == 400


@given(
    st.sampled_from(["\\", "%5c", "%5C", "%00", "\x00", "\n", " ", "\x7f", "\xe9"]), st.text("ab")
)
def test_characters_that_mean_no_good_are_refused(bad: str, rest: str) -> None:
    with pytest.raises(ApiError):
        check_path(f"/v1/models/{rest}{bad}{rest}")


@pytest.mark.parametrize(
    "path", ["/v1beta/models/a%2fb", "/v1/chat%2Fcompletions", "/v1/models/a%2Fb/c"]
)
def test_hidden_slashes_are_let_in_only_inside_a_model_id(path: str) -> None:
    with pytest.raises(ApiError):
        check_path(path)


@pytest.mark.parametrize(
    "encoded", ["gemini-2.5-pro", "models%2Fgemini-2.5-pro", "models%2fgemini-2.5-pro"]
)
def test_model_ids_as_the_sdks_send_them(encoded: str) -> None:
    assert model_of_id(encoded) == "gemini-2.5-pro"


@pytest.mark.parametrize(
    "encoded", ["a%2Fb", "models%2F..", "models%2Fa%2Fb", "", "a b", "x" * 129]
)
def test_ids_that_are_no_model(encoded: str) -> None:
    with pytest.raises(ApiError):
        model_of_id(encoded)


def test_verbs_on_models() -> None:
    assert method_of("models/x:countTokens") == Method("models", "x", "countTokens")
    assert method_of("dynamic/x:generateContent") == Method("dynamic", "x", "generateContent")
    assert method_of("models/x") is None
    assert method_of("tunedModels/x:generateContent") == Method(
        "tunedModels", "x", "generateContent"
    )
    assert method_of("models/x/operations/o:cancel") is None
    with pytest.raises(ApiError):
        method_of("models/x:y/z")
