"""Adding, showing and changing upstream keys."""

from collections.abc import Collection, Sequence

from services.keypool.catalog import Added, Key, KeyChange, KeyRow, KeyState, NewKey, SealedKey
from services.keypool.egress import Way, show_proxy
from services.keypool.errors import KeyUnknownError
from services.keypool.filing import Filing
from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.store import KeyStore
from services.kit.paging import read_page_token, write_page_token
from services.kit.vault import UnreadableError

_BATCH = 500


def own_project(key_id: str) -> str:
    """Return the project of a key for which none is declared."""
    return f"own-{key_id}"


class Keys:
    """The keys of all pools, as operators see them. No secret leaves here."""

    def __init__(
        self, store: KeyStore, identity: Identity, secrets: KeySecrets, filing: Filing | None = None
    ) -> None:
        """Work on a store with ids and secrets.

        Args:
            store: The keys.
            identity: Makes their ids.
            secrets: Seals and opens their secrets.
            filing: Knows which keys the quota file puts into which project.
        """
        self._store = store
        self._identity = identity
        self._secrets = secrets
        self._filing = filing

    async def create(self, pool: str, keys: Sequence[NewKey]) -> list[tuple[Key, bool]]:
        """Add keys, bring removed ones back, and tell which are new."""
        sealed = [self._seal(key, seeded=False) for key in keys]
        known = await self._store.get_many([key.key_id for key in sealed])
        # A key is in one pool: one that another pool has is known, too.
        new = {
            key.key_id: key for key, row in zip(sealed, known, strict=True) if row is None
        }.values()
        added = await self._store.add(pool, list(new), revives=True)
        created = {
            key.key_id for key, what in zip(new, added, strict=True) if what is Added.CREATED
        }
        results = []
        for row in await self._read_placed([key.key_id for key in sealed], created):
            if row is None:
                # Removed again by somebody else in the meantime.
                raise KeyUnknownError("a key was removed while it was being added")
            results.append((self._show(row), row.key_id in created))
            created.discard(row.key_id)
        return results

    async def _read_placed(
        self, key_ids: Sequence[str], created: Collection[str]
    ) -> list[KeyRow | None]:
        """Read keys once the new ones are in the projects that the quota file declares."""
        rows = await self._store.get_many(key_ids)
        new = [row for row in rows if row is not None and row.key_id in created]
        if new and self._filing and await self._filing.place(new[0].pool, new):
            return await self._store.get_many(key_ids)
        return rows

    async def seed(self, pool: str, keys: Sequence[NewKey]) -> int:
        """Add keys from the settings that are unknown, and return how many were."""
        created = 0
        for first in range(0, len(keys), _BATCH):
            sealed = [self._seal(key, seeded=True) for key in keys[first : first + _BATCH]]
            known = await self._store.get_many([key.key_id for key in sealed])
            new = [key for key, row in zip(sealed, known, strict=True) if row is None]
            added = await self._store.add(pool, new, revives=False)
            created += added.count(Added.CREATED)
        return created

    async def check_readable(self) -> int:
        """Take keys out of use that cannot be opened, put back those that can be again.

        Returns:
            How many cannot be opened.
        """
        unreadable, after = 0, ""
        while rows := await self._store.list_after("", after, _BATCH):
            after = rows[-1].key_id
            for row in rows:
                is_readable = self._is_readable(row)
                unreadable += not is_readable
                if is_readable == (row.state == KeyState.UNREADABLE.value):
                    state = "readable" if is_readable else "unreadable"
                    await self._store.change(row.pool, row.key_id, KeyChange(state=state))
        return unreadable

    async def rename_all(self) -> int:
        """Give keys the ids that follow from the pepper in force.

        One whose right id is taken goes: it is the same key twice.

        Returns:
            How many had another id.
        """
        renamed, after = 0, ""
        while rows := await self._store.list_after("", after, _BATCH):
            after = rows[-1].key_id
            for row in rows:
                renamed += await self._rename(row)
        return renamed

    async def _rename(self, row: KeyRow) -> bool:
        try:
            secret, proxy = self._secrets.open_own(row.key_id, row.sealed_secret, row.sealed_proxy)
        except UnreadableError:
            return False
        if self._identity.key_id(secret) == row.key_id:
            return False
        is_own = row.project_id == own_project(row.key_id)
        new = NewKey(
            secret=secret,
            project_id="" if is_own else row.project_id,
            note=row.note,
            tags=row.tags,
            proxy_url=proxy,
            weight=row.weight,
            max_in_flight=row.max_in_flight,
            priority=row.priority,
        )
        sealed = self._seal(new, seeded=row.seeded)
        if await self._store.add(row.pool, [sealed], revives=False) != [Added.KNOWN]:
            # A new one is active.
            change = KeyChange(state=row.state, dead_reason=row.dead_reason)
            await self._store.change(row.pool, sealed.key_id, change)
        await self._store.change(row.pool, row.key_id, KeyChange(state="removed"))
        return True

    async def get(self, key_id: str) -> Key:
        """Return a key.

        Raises:
            KeyUnknownError: There is none of this id.
        """
        row = await self._store.get(key_id)
        if row is None:
            raise KeyUnknownError("no such key", metadata={"key_id": key_id})
        return self._show(row)

    async def list_page(
        self, pool: str, state: KeyState | None, tag: str, size: int, page_token: str
    ) -> tuple[list[Key], str]:
        """Return the next keys in the order of their ids, and the token of the next page."""
        position = read_page_token(page_token, 1)
        after = position[0] if position else ""
        found: list[Key] = []
        while rows := await self._store.list_after(pool, after, _BATCH):
            for row in rows:
                key = self._show(row)
                if state in {None, key.state} and (not tag or tag in key.tags):
                    if len(found) == size:
                        return found, write_page_token(found[-1].key_id)
                    found.append(key)
            after = rows[-1].key_id
        return found, ""

    async def change(self, key_id: str, change: KeyChange) -> Key:
        """Change a key and return it.

        Raises:
            KeyUnknownError: There is none of this id.
        """
        key = await self.get(key_id)
        sealed = self._secrets.seal_proxy(key_id, change.proxy_url or "")
        if not await self._store.change(key.pool, key_id, change, sealed_proxy=sealed):
            raise KeyUnknownError("no such key", metadata={"key_id": key_id})
        return await self.get(key_id)

    async def delete(self, key_id: str) -> bool:
        """Remove a key and its secret for good, and tell whether it came from the settings.

        Raises:
            KeyUnknownError: There is none of this id.
        """
        key = await self.get(key_id)
        await self._store.change(key.pool, key_id, KeyChange(state="removed"))
        return key.seeded

    def _seal(self, key: NewKey, *, seeded: bool) -> SealedKey:
        key_id = self._identity.key_id(key.secret)
        secret, proxy = self._secrets.seal(key_id, key.secret, key.proxy_url)
        return SealedKey(
            key_id=key_id,
            project_id=key.project_id or own_project(key_id),
            alias=self._identity.key_alias(key.secret),
            sealed_secret=secret,
            sealed_proxy=proxy,
            note=key.note,
            tags=key.tags,
            seeded=seeded,
            weight=key.weight,
            max_in_flight=key.max_in_flight,
            priority=key.priority,
        )

    def _is_readable(self, row: KeyRow) -> bool:
        return self._secrets.is_readable(row, row.pool)

    def _show(self, row: KeyRow) -> Key:
        state = KeyState(row.state)
        if state is KeyState.ACTIVE and not self._is_readable(row):
            state = KeyState.UNREADABLE
        way = self._way_of(row)
        return Key(
            key_id=row.key_id,
            alias=row.alias,
            project_id=row.project_id,
            pool=row.pool,
            state=state,
            dead_reason=row.dead_reason,
            note=row.note,
            tags=row.tags,
            proxy=show_proxy(way.proxy_url),
            egress=way.egress,
            weight=row.weight,
            create_time=row.created,
            last_use_time=row.last_use,
            success_count=row.successes,
            failure_count=row.failures,
            in_flight_count=row.in_flight,
            seeded=row.seeded,
            max_in_flight=row.max_in_flight,
            priority=row.priority,
        )

    def _way_of(self, row: KeyRow) -> Way:
        try:
            return self._secrets.way_of(row, row.pool)
        except UnreadableError:
            return Way("")
