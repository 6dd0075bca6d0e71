"""The demo: what `up` shows while there is no real key.

Demo keys and the demo token carry the tag `demo`. A start with real keys
removes them; a later demo makes new ones.
"""

from pathlib import Path

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli import secrets_store
from services.cli.admin_client import AdminClient
from services.cli.dotenv_file import GivenSettings
from services.cli.key_text import parse_keys
from services.cli.secrets_store import LocalSecrets

TAG = "demo"

_KEY_SETTINGS = ("API_KEYS", "VERTEX_API_KEYS", "PAID_KEY")


def has_given_keys(given: GivenSettings) -> bool:
    """Return whether the settings hold a key."""
    return any(parse_keys(given.get(name) or "") for name in _KEY_SETTINGS)


async def is_demo(given: GivenSettings, admin: AdminClient) -> bool:
    """Return whether neither the settings nor the store hold a real key."""
    if has_given_keys(given):
        return False
    async for key in admin.list_keys():
        if TAG not in key.tags:
            return False
    return True


async def enter(admin: AdminClient, data_dir: Path, secrets: LocalSecrets) -> LocalSecrets:
    """Make the demo's keys and token, and return the secrets that are in force."""
    token = await _find_token(admin, secrets.demo_token)
    if token is not None and token.state == pb.Token.STATE_REVOKED:
        secrets = await _remove(admin, data_dir, secrets)
        token = None
    keys = [
        pb.NewKey(secret=secret, note=f"demo key {number}", tags=[TAG])
        for number, secret in enumerate(secrets.demo_keys, 1)
    ]
    await admin.create_keys(keys)
    if token is None:
        await admin.create_token(
            pb.CreateTokenRequest(name="demo", token=secrets.demo_token, tags=[TAG])
        )
    return secrets


async def leave(admin: AdminClient, data_dir: Path, secrets: LocalSecrets) -> bool:
    """Remove what a demo left behind, and return whether there was anything."""
    renewed = await _remove(admin, data_dir, secrets)
    return renewed is not secrets


async def _remove(admin: AdminClient, data_dir: Path, secrets: LocalSecrets) -> LocalSecrets:
    removal = pb.BatchUpdateKeysRequest(
        filter=pb.BatchUpdateKeysRequest.Filter(tag=TAG),
        action=pb.BatchUpdateKeysRequest.ACTION_DELETE,
    )
    keys = sum([page.changed_count async for page in admin.change_keys(removal)])
    tokens = [
        token
        async for token in admin.list_tokens()
        if TAG in token.tags and token.state == pb.Token.STATE_ACTIVE
    ]
    for token in tokens:
        await admin.revoke_token(token.token_id)
    # What was revoked never comes back, so the next demo needs new ones.
    used = bool(keys or tokens) or await _find_token(admin, secrets.demo_token) is not None
    return secrets_store.renew_demo(data_dir, secrets) if used else secrets


async def _find_token(admin: AdminClient, text: str) -> pb.Token | None:
    async for token in admin.list_tokens():
        if TAG in token.tags and token.tail == text[-4:]:
            return token
    return None
