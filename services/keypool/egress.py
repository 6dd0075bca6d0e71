"""Ways out to the upstream: which proxy a key goes through, and how it is named."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from urllib.parse import urlsplit

from services.kit.vault import UnreadableError

_CACHED = 65_536

MOST_PROXIES = 1_000
"""So many proxies a declared way out may have."""

DIRECT = "direct"
"""The way out without a proxy."""


class Source(Enum):
    """Where a way out was declared; the later ones hide earlier ones of the same name."""

    COMMAND = "command"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Egress:
    """A way out that was declared for some projects and tags.

    Attributes:
        pool: The pool of the projects and of the keys that carry the tags.
        name: Its name.
        projects: Projects whose keys use it.
        tags: Keys with one of them use it, unless their project has one.
        proxies: Their URLs, with credentials; None when they cannot be unsealed here.
        source: Where it was declared.
    """

    pool: str
    name: str
    projects: tuple[str, ...]
    tags: tuple[str, ...]
    proxies: tuple[str, ...] | None = field(repr=False)
    source: Source = Source.COMMAND


@dataclass(frozen=True, slots=True)
class Way:
    """How a key goes out.

    Attributes:
        proxy_url: Its proxy with credentials, empty for none.
        egress: The declared way out that says so, empty for none.
    """

    proxy_url: str = field(repr=False)
    egress: str = ""


class Ways:
    """Finds the way out of keys that have no proxy of their own.

    What was declared for a key's project comes first, then what was for its tags, then the
    proxies for all. Of several proxies the choice rests on the key's id and the proxies'
    addresses alone (the highest hash of both wins), so that every replica makes the same one,
    restarts do not change it, and a proxy that is added or removed moves only its share of the
    keys. It is made when a lease is answered and stored nowhere: a change is in force at once.
    """

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        """Begin with the proxies for all keys; without any, keys go directly.

        Args:
            proxies: Their URLs, with credentials.
        """
        self._common = _ring(Way(proxy) for proxy in proxies)
        self._declared: dict[Source, tuple[Egress, ...]] = {}
        self._index()

    def declare(self, source: Source, egresses: Sequence[Egress]) -> None:
        """Let declared ways out hold in place of all that the source declared before."""
        if self._declared.get(source, ()) != tuple(egresses):
            self._declared[source] = tuple(egresses)
            self._index()

    def list_all(self, pool: str) -> list[Egress]:
        """Return what is in force in a pool, in the order of names."""
        return [each for each in self._in_force if each.pool == pool]

    def _index(self) -> None:
        named: dict[tuple[str, str], Egress] = {}
        for source in Source:
            named |= {(each.pool, each.name): each for each in self._declared.get(source, ())}
        self._in_force = [named[place] for place in sorted(named)]
        by_project, by_tag = defaultdict(list), defaultdict(list)
        for egress in self._in_force:
            for project in egress.projects:
                by_project[egress.pool, project].append(egress)
            for tag in egress.tags:
                by_tag[egress.pool, tag].append(egress)
        self._by_project: Mapping[tuple[str, str], Sequence[Egress]] = dict(by_project)
        self._by_tag: Mapping[tuple[str, str], Sequence[Egress]] = dict(by_tag)
        # A new cache with each change.
        self.choose = lru_cache(_CACHED)(self._choose)
        """Return the way out of (pool, key, project, tags); raises `UnreadableError`."""

    def _choose(self, pool: str, key_id: str, project_id: str, tags: tuple[str, ...]) -> Way:
        declared = list(self._by_project.get((pool, project_id), ()))
        if not declared and self._by_tag:
            declared = [each for tag in tags for each in self._by_tag.get((pool, tag), ())]
        if not declared:
            return _pick(self._common, key_id) if self._common else Way("")
        ways: list[Way] = []
        for egress in declared:
            if egress.proxies is None:
                # Better not at all than by a way that nobody wanted.
                raise UnreadableError(f"the proxies of {egress.name} cannot be unsealed")
            ways += [Way(proxy, egress.name) for proxy in egress.proxies]
        return _pick(_ring(ways), key_id)


def egress_id(proxy_url: str) -> str:
    """Return the name of a way out, which tells nothing of the credentials in its URL.

    Two users of one proxy are one way out: they share its address.
    """
    if not proxy_url:
        return DIRECT
    return "e" + hashlib.blake2b(show_proxy(proxy_url).encode(), digest_size=6).hexdigest()


def show_proxy(proxy_url: str) -> str:
    """Return a proxy's URL without the credentials in it."""
    if not proxy_url:
        return ""
    parts = urlsplit(proxy_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _ring(ways: Iterable[Way]) -> list[tuple[bytes, Way]]:
    return [(egress_id(way.proxy_url).encode(), way) for way in dict.fromkeys(ways)]


def _pick(ring: Sequence[tuple[bytes, Way]], key_id: str) -> Way:
    return max(ring, key=lambda entry: _weight(entry[0], key_id))[1]


def _weight(egress: bytes, key_id: str) -> bytes:
    return hashlib.blake2b(egress + b"\0" + key_id.encode(), digest_size=8).digest()
