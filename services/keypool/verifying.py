"""Trying a key with a call that uses no quota."""

from dataclasses import dataclass

from services.judging import Effect, Fault, Operation, Verdict
from services.keypool.catalog import Key, KeyChange, KeyRow, KeyState
from services.keypool.errors import KeyUnknownError, UpstreamAwayError
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.probing import KeyInHand, ProbeAnswer, UpstreamProbe
from services.keypool.store import KeyStore
from services.kit.vault import UnreadableError

_ACCEPTED = "key.accepted"
_SAYING_YES = frozenset({Fault.REQUEST, Fault.PROJECT_MODEL})
_NOT_SAYING = frozenset({Fault.UPSTREAM, Fault.OURS})


@dataclass(frozen=True, slots=True)
class Verified:
    """How a try went.

    Attributes:
        is_valid: Whether the upstream accepts the key.
        rule_id: The rule that judged the answer.
        message: For people.
        key: The key as it is now.
    """

    is_valid: bool
    rule_id: str
    message: str
    key: Key


class Verifying:
    """Tries keys, and takes those out of use that the upstream refuses for good."""

    def __init__(
        self, keys: Keys, store: KeyStore, secrets: KeySecrets, probe: UpstreamProbe
    ) -> None:
        """Work on keys with a way to the upstream."""
        self._keys = keys
        self._store = store
        self._secrets = secrets
        self._probe = probe

    async def verify(self, key_id: str) -> Verified:
        """Try a key; kill it when it is refused, revive it when it is accepted after all.

        A paused key stays paused. Faults of the upstream, of the key's project and of its way
        out change nothing.

        Raises:
            KeyUnknownError: There is none of this id.
            UpstreamAwayError: The upstream could not be asked, or did not say.
        """
        row = await self._store.get(key_id)
        if row is None:
            raise KeyUnknownError("no such key", metadata={"key_id": key_id})
        try:
            in_hand = take_in_hand(row, self._secrets)
        except UnreadableError:
            key = await self._keys.get(key_id)
            return Verified(False, "key.unreadable", "its secret cannot be decrypted here", key)
        answer = await self._probe.get_model(in_hand)
        if answer.is_ok:
            return await self._accept(row, "the upstream accepts the key")
        return await self._judge(row, answer)

    async def _judge(self, row: KeyRow, answer: ProbeAnswer) -> Verified:
        verdict = answer.verdict(Operation.READ)
        if verdict.fault in _SAYING_YES:
            # Google looks at the key first: whoever is told of limits or models has a good one.
            return await self._accept(row, "the upstream accepts the key")
        if verdict.fault in _NOT_SAYING or answer.status == 0:
            raise UpstreamAwayError(
                "the upstream could not be asked: try again later",
                metadata={"rule_id": verdict.rule_id, "http_status": str(answer.status)},
            )
        if verdict.effect is Effect.KILL_KEY:
            change = KeyChange(state=KeyState.DEAD.value, dead_reason=verdict.rule_id)
            key = await self._keys.change(row.key_id, change)
            return Verified(False, verdict.rule_id, "the upstream refuses the key for good", key)
        key = await self._keys.get(row.key_id)
        return Verified(False, verdict.rule_id, _why(verdict), key)

    async def _accept(self, row: KeyRow, message: str) -> Verified:
        key = await self._keys.change(row.key_id, KeyChange(state="revived"))
        return Verified(True, _ACCEPTED, message, key)


def take_in_hand(row: KeyRow, secrets: KeySecrets) -> KeyInHand:
    """Return a key ready to be used.

    Raises:
        UnreadableError: Its secret cannot be opened here.
    """
    secret, proxy_url = secrets.open(row, row.pool)
    return KeyInHand(row.key_id, secret, proxy_url, row.pool)


def _why(verdict: Verdict) -> str:
    if verdict.fault is Fault.EGRESS:
        return "refused on the way out: the address or the proxy, not the key"
    return "the key's project may not use the API at present"
