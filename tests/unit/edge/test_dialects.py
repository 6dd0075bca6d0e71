import pytest

from services.edge.dialects import Dialect, dialect_of

BEARER = {b"authorization": b"Bearer t"}


@pytest.mark.parametrize(
    ("path", "headers", "has_key", "dialect"),
    [
        ("/v1/chat/completions", {}, False, Dialect.OPENAI),
        ("/v1/chat/completions", {}, True, Dialect.OPENAI),
        ("/v1beta/models", BEARER, False, Dialect.GEMINI),
        ("/gemini/v1beta/models", BEARER, False, Dialect.GEMINI),
        ("/upload/v1beta/files", {}, False, Dialect.GEMINI),
        ("/v1/models", {}, False, Dialect.OPENAI),
        ("/v1/models", BEARER, True, Dialect.OPENAI),
        ("/v1/models", {}, True, Dialect.GEMINI),
        ("/v1/models", {b"x-goog-api-key": b"t"}, False, Dialect.GEMINI),
        ("/v1/files/abc", {b"x-goog-api-client": b"x"}, False, Dialect.GEMINI),
        ("/v1/files/abc", BEARER, False, Dialect.OPENAI),
        ("/v1/models/x:generateContent", BEARER, False, Dialect.GEMINI),
        ("/v1/cachedContents", BEARER, False, Dialect.GEMINI),
        ("/v1/files:register", BEARER, False, Dialect.GEMINI),
        ("/v1/tunedModels/x", {}, False, Dialect.GEMINI),
        ("/v1/messages", {}, False, Dialect.ANTHROPIC),
        ("/v1/messages/count_tokens", {b"x-goog-api-key": b"t"}, True, Dialect.ANTHROPIC),
        ("/anthropic/v1/messages", BEARER, False, Dialect.ANTHROPIC),
        ("/anthropic/v1/models", {}, False, Dialect.ANTHROPIC),
        ("/v1/models", {b"anthropic-version": b"2023-06-01"}, False, Dialect.ANTHROPIC),
        ("/v1/models/x", {b"anthropic-version": b"2023-06-01"}, False, Dialect.ANTHROPIC),
        ("/v1/models/x:generateContent", {b"anthropic-version": b"1"}, False, Dialect.GEMINI),
        ("/v1/files", {b"anthropic-version": b"2023-06-01"}, False, Dialect.OPENAI),
        ("/nowhere", {}, False, Dialect.OPENAI),
        ("/", {}, False, Dialect.OPENAI),
    ],
)
def test_dialect(path: str, headers: dict[bytes, bytes], has_key: bool, dialect: Dialect) -> None:
    assert dialect_of(path, headers, has_query_key=has_key) is dialect
