import pytest

from services.edge.calls import forwarded_headers, forwarded_query, operation_of
from services.edge.usage import TokenUsage, find_usage
from services.judging import Operation


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", ""),
        ("key=sk-1", ""),
        ("alt=sse&key=sk-1&x=%20a+b", "alt=sse&x=%20a+b"),
        ("%6bey=sk-1&a=1", "a=1"),
        ("a=1&access_token=t&oauth_token=t&%24userProject=p", "a=1"),
        ("$httpMethod=DELETE&%24httpHeaders=x&$req=y&$.xgafv=2&$new=1&callback=f&a=1", "a=1"),
        ("$alt=json&%24fields=name", "$alt=json&%24fields=name"),
        ("keys=1&monkey=2", "keys=1&monkey=2"),
    ],
)
def test_the_query_goes_on_without_credentials(query: str, sent: str) -> None:
    assert forwarded_query(query) == sent


def test_what_is_made_is_told_whole() -> None:
    query = "fields=a&alt=media&%24fields=b&$alt=proto&%61lt=x&tunedModelId=t&key=sk-1"

    assert forwarded_query(query, creates=True) == "tunedModelId=t"


def test_headers_go_on_without_credentials_and_tricks() -> None:
    kept = {b"content-type": b"application/json", b"x-goog-api-client": b"a", b"x-new": b"b"}
    dropped = dict.fromkeys(
        [
            b"authorization",
            b"x-goog-api-key",
            b"x-api-key",
            b"cookie",
            b"host",
            b"origin",
            b"referer",
            b"accept-encoding",
            b"x-http-method-override",
            b"x-goog-user-project",
            b"x-forwarded-for",
            b"sec-fetch-mode",
            b"traceparent",
            b"tracestate",
            b"baggage",
            b"x-cloud-trace-context",
        ],
        b"x",
    )

    assert dict(forwarded_headers(kept | dropped)) == kept


def test_verbs_nobody_knows_may_create_something() -> None:
    assert operation_of("generateContent") is Operation.GENERATE
    assert operation_of("countTokens") is Operation.COUNT_TOKENS
    assert operation_of("inventedTomorrow") is Operation.CREATE
    assert not operation_of("predictLongRunning").is_repeatable


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b"", None),
        (b'{"candidates": []}', None),
        (
            b"""{"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
                "thoughtsTokenCount": 5, "cachedContentTokenCount": 1}, "responseId": "{}"}""",
            TokenUsage(3, 4, 1, 5),
        ),
        (
            b'{"usageMetadata": {"promptTokenCount": 1}},{"usageMetadata":{"promptTokenCount":2}}',
            TokenUsage(2, 0, 0, 0),
        ),
        (b'"usageMetadata": {"promptTokenCount": ', None),
        (b'"usageMetadata": {"promptTokenCount": "many"}', TokenUsage(0, 0, 0, 0)),
    ],
)
def test_usage_is_found_without_parsing_the_answer(body: bytes, usage: TokenUsage | None) -> None:
    assert find_usage(body) == usage
