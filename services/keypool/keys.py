"""Adding, showing and changing upstream keys."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from services.keypool.catalog import Added, Key, KeyChange, KeyRow, KeyState, NewKey, SealedKey
from services.keypool.errors import KeyUnknownError, UnreadableError
from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.paging import read_page_token, write_page_token
from services.keypool.store import KeyStore

_BATCH = 500


class Keys:
    """The keys of all pools, as operators see them. No secret leaves here."""

    def __init__(self, store: KeyStore, identity: Identity, secrets: KeySecrets) -> None:
        """Work on a store with ids and secrets."""
        self._store = store
        self._identity = identity
        self._secrets = secrets

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
        for row in await self._store.get_many([key.key_id for key in sealed]):
            if row is None:
                # Removed again by somebody else in the meantime.
                raise KeyUnknownError("a key was removed while it was being added")
            results.append((self._show(row), row.key_id in created))
            created.discard(row.key_id)
        return results

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
        if not await self._store.change(key.pool, key_id, change):
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
            project_id=key.project_id or f"own-{key_id}",
            alias=self._identity.key_alias(key.secret),
            sealed_secret=secret,
            sealed_proxy=proxy,
            note=key.note,
            tags=key.tags,
            seeded=seeded,
        )

    def _is_readable(self, row: KeyRow) -> bool:
        return self._secrets.is_readable(row.key_id, row.sealed_secret, row.sealed_proxy)

    def _show(self, row: KeyRow) -> Key:
        state = KeyState(row.state)
        if state is KeyState.ACTIVE and not self._is_readable(row):
            state = KeyState.UNREADABLE
        return Key(
            key_id=row.key_id,
            alias=row.alias,
            project_id=row.project_id,
            pool=row.pool,
            state=state,
            dead_reason=row.dead_reason,
            note=row.note,
            tags=row.tags,
            proxy=self._show_proxy(row),
            weight=row.weight,
            create_time=row.created,
            last_use_time=row.last_use,
            success_count=row.successes,
            failure_count=row.failures,
            in_flight_count=row.in_flight,
            seeded=row.seeded,
        )

    def _show_proxy(self, row: KeyRow) -> str:
        """Return a key's proxy without the credentials in it."""
        try:
            _, proxy_url = self._secrets.open(row.key_id, row.sealed_secret, row.sealed_proxy)
        except UnreadableError:
            return ""
        parts = urlsplit(proxy_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if proxy_url else ""
