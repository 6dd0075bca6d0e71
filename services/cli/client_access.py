"""How commands reach the public API, as any other client does: an address and a token."""

from dataclasses import dataclass, field
from pathlib import Path

from services.cli import run_file, secrets_store
from services.cli.data_dir import DEFAULT_DATA_DIR
from services.cli.dotenv_file import GivenSettings, read_given
from services.cli.errors import BAD_SETTINGS, CommandError
from services.cli.key_text import parse_keys

URL_SETTING = "GEMINI_BALANCE_URL"
TOKEN_SETTING = "GEMINI_BALANCE_TOKEN"  # noqa: S105  # the name of a setting


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """How to reach the public API.

    Attributes:
        url: Its address, without a slash at the end.
        token: A client token.
        data_dir: The folder for what must outlive a command.
        is_local: Whether it is the `up` of that folder.
    """

    url: str
    token: str = field(repr=False)
    data_dir: Path
    is_local: bool


def find_client_access(*, url: str, token: str, data_dir: Path | None) -> ClientAccess:
    """Return how to reach the named system, else the one that runs here.

    Args:
        url: The address that was given, or nothing.
        token: The token that was given, or nothing.
        data_dir: The data folder of a running `up`, when it was named.

    Raises:
        CommandError: Nothing was named and nothing runs, or there is no token.
    """
    given = read_given(Path.cwd())
    folder = data_dir or Path(given.get("DATA_DIR") or DEFAULT_DATA_DIR)
    address = url or ("" if data_dir else given.get(URL_SETTING) or "")
    running = None if address else run_file.read_running(folder, elsewhere=f"set {URL_SETTING}")
    token = token or given.get(TOKEN_SETTING) or ""
    if not token and running is not None:
        token = _local_token(given, folder, demo=running.demo)
    if not token:
        raise CommandError(
            f"no client token: give --token or set {TOKEN_SETTING};"
            " `gemini-balance tokens create` makes one",
            exit_code=BAD_SETTINGS,
        )
    if not token.isascii() or not token.isprintable():
        raise CommandError("the client token has characters that no token has", exit_code=2)
    return ClientAccess(
        (running.url if running else address).rstrip("/"), token, folder, running is not None
    )


def _local_token(given: GivenSettings, folder: Path, *, demo: bool) -> str:
    """Return the token of the demo, else the first of the settings, else nothing.

    Tokens that were made later are known to the store as hashes only.
    """
    if demo:
        return secrets_store.load_or_create(folder).demo_token
    return next(iter(parse_keys(given.get("ALLOWED_TOKENS") or "")), "")
