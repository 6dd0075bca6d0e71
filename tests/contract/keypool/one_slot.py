"""The rule of a cluster, and which scripts there are to keep it.

A server lets a plain script reach for any key that happens to be its own. One that begins
with `#!lua` may only touch keys of one slot.
"""

import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

from services import keypool
from services.keypool.redis_scripts import Call, RedisPort, Script

SOURCES = {
    file.name.removesuffix(".lua"): file.read_text("utf-8")
    for file in (resources.files("services.keypool") / "lua").iterdir()
    if file.name.endswith(".lua")
}
"""Every file of Lua, by name."""

ENTRY_POINTS = {name for name, source in SOURCES.items() if "\n-- Reply " in source}
"""The scripts that can be run: those whose header tells a reply. The others are parts of them."""


def first_line(name: str) -> str:
    """Return what a file says it is; the loader changes lines further down."""
    return SOURCES[name].partition("\n")[0]


@functools.cache
def name_of(script: Script) -> str:
    """Return the name of a script: that of the one part that can be run."""
    lines = set(script.text.split("\n"))
    [name] = [name for name in ENTRY_POINTS if first_line(name) in lines]
    return name


def all_scripts() -> list[Script]:
    """Return the scripts that the adapters load."""
    adapters = [
        importlib.import_module(f"{keypool.__name__}.{module.name}")
        for module in pkgutil.iter_modules(keypool.__path__)
        if module.name.startswith("redis_")
    ]
    found = [value for adapter in adapters for value in vars(adapter).values()]
    return [value for value in found if isinstance(value, Script)]


def one_slot(script: Script) -> Script:
    text = f"#!lua\n{script.text}"
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def strict(ran: set[str]) -> Callable[..., Any]:
    """Return a `RedisPort.run` that holds scripts to the rule and notes those that ran."""
    run = RedisPort.run

    async def run_strictly(self: RedisPort, *calls: Call) -> list[Any]:
        held = [replace(call, script=one_slot(call.script)) for call in calls]
        replies = await run(self, *held)
        ran.update(name_of(call.script) for call in calls)
        return replies

    return run_strictly
