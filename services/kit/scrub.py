"""Removes credentials and project numbers from text that leaves the process.

Google quotes whole keys in some error messages, and keys come in several
formats that change over time, so text is scrubbed by shape and by context.
"""

import re

REDACTED = "[redacted]"

_SHAPES = re.compile(
    r"""
      AIza[0-9A-Za-z_\-]{10,}                              # standard keys
    | AQ\.[0-9A-Za-z_\-]{10,}                              # auth keys
    | (?<![0-9A-Za-z_\-])sk-[0-9A-Za-z_\-]{6,}             # client tokens
    | (?<=api_key:)[^\s'"\\,;)]+                           # consumer 'api_key:...'
    | (?<=project_number:)\d+                              # consumer 'project_number:...'
    | (?<=projects/)\d{4,}                                 # metadata.consumer
    | (?<=projects/)[^\s/'"`]+(?=/locations/)              # what Vertex cannot find
    | (?<=[?&]key=)[^&\s"'\\]+                             # query credentials
    | (?<=access_token=)[^&\s"'\\]+
    | (?<=auth_tokens/)[0-9A-Za-z._~=\-]+                 # ephemeral tokens
    | (?<=[Bb]earer\ )[0-9A-Za-z._~+/=\-]+                 # Authorization
    """,
    re.VERBOSE,
)


def scrub(text: str, *secrets: str) -> str:
    """Return `text` without credentials and project numbers.

    Args:
        text: Anything that is about to be logged or sent to a client.
        secrets: Values known to be secret here, replaced wherever they stand.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    return _SHAPES.sub(REDACTED, text)


def scrub_bytes(body: bytes, *secrets: str) -> bytes:
    """Return `body` scrubbed, unchanged where it holds nothing secret."""
    text = body.decode("utf-8", "surrogateescape")
    return scrub(text, *secrets).encode("utf-8", "surrogateescape")
