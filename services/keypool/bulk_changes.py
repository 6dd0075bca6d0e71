"""Changing many keys alike: named ones, or all that fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.keypool.catalog import KeyChange, KeyFilter, Touched
from services.keypool.key_secrets import KeySecrets
from services.keypool.store import KeyStore
from services.kit.errors import InvalidRequestError
from services.kit.paging import read_page_token, write_page_token

EXAMINED = 2_000
"""So many keys are looked at by one call with a filter."""


@dataclass(slots=True)
class Changed:
    """What became of keys.

    Attributes:
        changed: How many were changed.
        seeded: Those of them that came from the settings.
        skipped: Those that stay as they were: unknown, or they would have too many tags.
        examined: How many were looked at.
        total: How many there are to look at in all, over all pages.
        next_page: Where to go on, empty at the end.
    """

    changed: int = 0
    seeded: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    examined: int = 0
    total: int = 0
    next_page: str = ""

    def add(self, key_ids: Sequence[str], touched: Iterable[Touched]) -> None:
        """Count what became of some keys."""
        for key_id, what in zip(key_ids, touched, strict=True):
            if what in {Touched.UNKNOWN, Touched.TOO_MANY_TAGS}:
                self.skipped.append(key_id)
                continue
            self.changed += 1
            if what is Touched.CHANGED_SEEDED:
                self.seeded.append(key_id)


class BulkChanges:
    """Changes keys some at a time; what was cut short may be asked for again."""

    def __init__(self, store: KeyStore, secrets: KeySecrets) -> None:
        """Work on a store, with a way to seal proxies."""
        self._store = store
        self._secrets = secrets

    async def change_named(self, key_ids: Sequence[str], change: KeyChange) -> Changed:
        """Change keys, whichever pools they are in."""
        result = Changed(examined=len(key_ids), total=len(key_ids))
        missing = list(key_ids)
        for pool in await self._store.pools():
            touched = await self._change(pool, missing, change)
            known = [at for at, what in enumerate(touched) if what is not Touched.UNKNOWN]
            result.add([missing[at] for at in known], [touched[at] for at in known])
            missing = [
                key_id
                for key_id, what in zip(missing, touched, strict=True)
                if what is Touched.UNKNOWN
            ]
        result.skipped += missing
        return result

    async def change_selected(
        self, pool: str, wanted: KeyFilter, change: KeyChange, page_token: str
    ) -> Changed:
        """Change those that fit out of the next keys.

        Args:
            pool: Their pool, empty for all.
            wanted: Which keys.
            change: What to change.
            page_token: Where to go on, empty to begin.
        """
        pools = [pool] if pool else await self._store.pools()
        if page_token:
            begin, after, total = _read_position(page_token)
        else:
            # Told once: removed keys are not there to be counted later.
            counts = [await self._store.count(name) for name in pools]
            begin, after, total = "", "", sum(counts)
        result = Changed(total=total)
        current = next((name for name in pools if name >= begin), "")
        if not current:
            return result
        place = after if current == begin else ""
        selected = await self._store.select(current, wanted, place, EXAMINED)
        result.examined = selected.examined
        result.add(selected.key_ids, await self._change(current, selected.key_ids, change))
        following = next((name for name in pools if name > current), "")
        if selected.after:
            result.next_page = write_page_token(current, selected.after, str(total))
        elif following:
            result.next_page = write_page_token(following, "", str(total))
        return result

    async def _change(self, pool: str, key_ids: Sequence[str], change: KeyChange) -> list[Touched]:
        url = change.proxy_url or ""
        keys = [(key_id, self._secrets.seal_proxy(key_id, url)) for key_id in key_ids]
        return await self._store.change_many(pool, keys, change)


def _read_position(page_token: str) -> tuple[str, str, int]:
    pool, after, total = read_page_token(page_token, 3)
    if not total.isdecimal() or len(total) > 9:
        raise InvalidRequestError("page_token", "not from an earlier response")
    return pool, after, int(total)
