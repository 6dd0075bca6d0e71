"""The pepper from which ids are derived: kept through changes of the key-encryption key."""

from collections.abc import Sequence

from services.keypool.identity import Identity
from services.keypool.store import MetaStore
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError, Vault

log = get_logger(__name__)

_OWNER = "pepper"


class Peppers:
    """Finds the pepper of a store; ids and token digests rest on it, so it never changes.

    It is kept once for each key-encryption key, sealed with it: data of a key that nobody has
    stays unreadable, and a key that follows another one takes its pepper over.
    """

    def __init__(
        self, store: MetaStore, identity: Identity, vault: Vault, old: Sequence[Vault] = ()
    ) -> None:
        """Work on a store.

        Args:
            store: Where peppers are.
            identity: What needs the pepper.
            vault: The current one.
            old: Those of earlier key-encryption keys.
        """
        self._store = store
        self._identity = identity
        self._vault = vault
        self._old = tuple(old)

    async def load(self) -> None:
        """Give the pepper to the identity, taking it over from an earlier key or making it.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        first = self._vault.first_pepper()
        known = await self._read(self._vault)
        if known is None:
            known = await self._inherited(self._old) or first
            sealed = self._vault.seal(known.hex(), _OWNER)
            # Another replica may have been faster.
            stored = await self._store.load_pepper(_name(self._vault), sealed)
            known = _open(self._vault, stored) or first
        self._identity.load(known)

    async def adopt(self, other: Vault | None) -> bool:
        """Take an earlier key's pepper over although this one has its own by now.

        Args:
            other: The vault of an earlier key that the settings do not name.

        Returns:
            Whether the pepper is another one now: ids made with the old one mean nothing.
        """
        inherited = await self._inherited([other] if other else self._old)
        if inherited is None or inherited == await self._read(self._vault):
            return False
        sealed = self._vault.seal(inherited.hex(), _OWNER)
        await self._store.replace_pepper(_name(self._vault), sealed)
        self._identity.load(inherited)
        return True

    async def _inherited(self, vaults: Sequence[Vault]) -> bytes | None:
        for vault in vaults:
            if vault.mark != self._vault.mark and (found := await self._read(vault)):
                return found
        return None

    async def _read(self, vault: Vault) -> bytes | None:
        sealed = await self._store.read_pepper(_name(vault))
        return _open(vault, sealed) if sealed else None


def _name(vault: Vault) -> str:
    return vault.mark.decode().rstrip(":")


def _open(vault: Vault, sealed: bytes) -> bytes | None:
    try:
        return bytes.fromhex(vault.unseal(sealed, _OWNER))
    except UnreadableError:
        log.exception("the pepper in the store is damaged; ids are derived anew")
        return None
