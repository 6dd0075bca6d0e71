"""What names the operator's projects leaves no more than a hint that something stood there."""

import pytest

from services.kit.scrub import scrub


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("consumer projects/123456789012 is", "consumer projects/[redacted] is"),
        (
            "`projects/gen-lang-0123/locations/global/publishers/google/models/m` was not found",
            "`projects/[redacted]/locations/global/publishers/google/models/m` was not found",
        ),
        ("see projects/our-docs for more", "see projects/our-docs for more"),
    ],
)
def test_projects(text: str, shown: str) -> None:
    assert scrub(text) == shown
