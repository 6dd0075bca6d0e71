"""The scripts of the key pool, and how they are run."""

import re

from services.keypool.redis_keys import POOL_PARTS
from services.kit.redis_scripts import (
    Call,
    RedisPort,
    Script,
    from_ms,
    maybe_from_ms,
    read_parts,
    script_of,
    texts,
    to_ms,
)

__all__ = [
    "PROJECTS",
    "Call",
    "RedisPort",
    "Script",
    "from_ms",
    "load_script",
    "maybe_from_ms",
    "texts",
    "to_ms",
]

PROJECTS = ("turns", "withdraw", "enlisting", "projects")
"""The parts of scripts that look after projects and which keys they have."""

_NAMED = re.compile(r"\bnamed\('(\w+)'(?:, ([^()]+))?\)")
_CONSTANT = re.compile(r"^ *local ([A-Z_]+) = ([\d.e]+|'[^'\n]*')$", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z_]+\b")


def load_script(*parts: str) -> Script:
    """Put a script together of its parts, after what all scripts share.

    A script runs from its first line on at every call and makes all its functions anew, which
    costs the more the more locals they share. So `named('<part>', <name>)` and constants,
    `local NAME = <number or text>`, are worked out here, where they are used.
    """
    text, name = read_parts("services.keypool", *parts)
    text = _NAMED.sub(_name, text)
    constants = dict(_CONSTANT.findall(text))
    text = _WORD.sub(lambda word: constants.get(word[0], word[0]), _CONSTANT.sub("", text))
    return script_of(text, name)


def _name(named: re.Match[str]) -> str:
    part, name = named.groups()
    return f"(prefix .. '{POOL_PARTS[part]}'{f' .. {name}' if name else ''})"
