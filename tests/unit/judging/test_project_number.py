"""Project numbers are read where Google alone writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.judging import project_number
from tests.unit.judging import bodies

OLD = (
    "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit "
    "'GenerateContent request limit per minute for a region' of service "
    "'generativelanguage.googleapis.com' for consumer 'project_number:123456789012'."
)


def disabled(consumer: object) -> bytes:
    return bodies.error(
        403,
        "PERMISSION_DENIED",
        "it is disabled",
        bodies.info("SERVICE_DISABLED", consumer=consumer),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (disabled("projects/123456789012"), "123456789012"),
        (bodies.SUSPENDED, "123456789012"),
        (bodies.error(429, "RESOURCE_EXHAUSTED", OLD), "123456789012"),
        (b"[" + disabled("projects/123456789012") + b"]", "123456789012"),
        (disabled("projects/a-name"), None),
        (disabled("projects/123456789012/more"), None),
        (disabled(123456789012), None),
        (disabled(None), None),
        (bodies.KEY_INVALID, None),
        (bodies.quota(bodies.PER_MINUTE), None),
        # What a message quotes may come from the client.
        (bodies.error(400, "INVALID_ARGUMENT", f"cannot parse: {OLD}"), None),
        (bodies.error(403, "PERMISSION_DENIED", "no access to projects/123456789012"), None),
        (b'{"error": {"details": [{"metadata": "projects/123456789012"}]}}', None),
        (b"projects/123456789012", None),
        (b"", None),
    ],
)
def test_where_it_is_read(body: bytes, number: str | None) -> None:
    assert project_number(body) == number


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_without_failing(body: bytes) -> None:
    project_number(b"projects/" + body)
    project_number(b'{"error": {"message": "project_number:' + body)
