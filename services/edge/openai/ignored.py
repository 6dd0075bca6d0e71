"""Telling what of a request was ignored."""

import re
from typing import Any

_HEADER_SAFE = re.compile(r"[A-Za-z0-9_.\[\]\-]{1,64}")
_MOST_IGNORED = 32
# Saying these is saying nothing: no one needs to hear that they were ignored.
_DEFAULTS: dict[str, Any] = {"store": False, "verbosity": "medium", "logit_bias": {}}


def ignored_names(
    body: dict[str, Any], translated: frozenset[str], noted: list[str]
) -> tuple[str, ...]:
    """Return what was ignored, each once, as names that may stand in a header.

    Args:
        body: The request, whose other parameters are ignored as a whole.
        translated: The parameters that were not.
        noted: What else was.
    """
    unknown = [
        name
        for name, value in body.items()
        if name not in translated
        and value is not None
        and (name not in _DEFAULTS or _DEFAULTS[name] != value)
    ]
    names = [name if _HEADER_SAFE.fullmatch(name) else "(other)" for name in [*noted, *unknown]]
    told = [*dict.fromkeys(names)]
    if len(told) > _MOST_IGNORED:
        told = [*dict.fromkeys([*told[: _MOST_IGNORED - 1], "(other)"])]
    return tuple(told)
