"""Which keys exist, which project each belongs to, and what Google says of the others."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.simulator.errors import API_ROOT, ApiError, error_info, invalid

KeyState = Literal["valid", "invalid", "suspended", "leaked", "expired"]

SHORTEST_KEY = 8

_SIGN_IN = "https://developers.google.com/identity/sign-in/web/devconsole-project"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as Google knows it."""

    text: str
    project: str
    state: KeyState = "valid"


class Credentials:
    """The keys of the simulated world."""

    def __init__(self, projects: Mapping[str, str]) -> None:
        """Accept the keys of `projects`, or any plausible key when there are none."""
        self._is_open = not projects
        self._keys = {text: Key(text, name or own_project(text)) for text, name in projects.items()}

    def put(self, text: str, *, project: str = "", state: KeyState = "valid") -> Key:
        """Add a key or change its project or state."""
        known = self._keys.get(text)
        name = project or (known.project if known else own_project(text))
        key = self._keys[text] = Key(text, name, state)
        return key

    def find(self, text: str) -> Key | None:
        """Return the key, or None when Google would not know it."""
        key = self._keys.get(text)
        if key is None and self._is_open and len(text) >= SHORTEST_KEY:
            key = self._keys[text] = Key(text, own_project(text))
        return key

    def all(self) -> list[Key]:
        """Return every key that was declared or used."""
        return list(self._keys.values())


def read_credential(*, header: str, query: str, authorization: str) -> str:
    """Return the one key that a request carries.

    Raises:
        ApiError: It carries none, several, or something that is no key.
    """
    if (header and query and header != query) or (authorization and (header or query)):
        raise invalid("Multiple authentication credentials received. Please pass only one.")
    if header or query:
        return header or query
    if authorization:
        raise ApiError(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
            f"cookie or other valid authentication credential. See {_SIGN_IN}.",
            details=[error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
        )
    raise ApiError(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def check_key(text: str, key: Key | None) -> Key:
    """Return `key` when it may be used.

    Raises:
        ApiError: It is unknown, or its state forbids its use.
    """
    if key is None or key.state == "invalid":
        raise invalid_key()
    match key.state:
        case "expired":
            raise expired_key()
        case "leaked":
            raise leaked_key()
        case "suspended":
            raise suspended_key(text, key.project)
    return key


def invalid_key() -> ApiError:
    """The key does not exist."""
    return invalid(
        "API key not valid. Please pass a valid API key.",
        details=[
            error_info("API_KEY_INVALID"),
            {
                "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                "locale": "en-US",
                "message": "API key not valid. Please pass a valid API key.",
            },
        ],
    )


def expired_key() -> ApiError:
    """The key was valid once."""
    return invalid(
        "API key expired. Please renew the API key.", details=[error_info("API_KEY_INVALID")]
    )


def leaked_key() -> ApiError:
    """Google has seen the key in public."""
    return ApiError(403, "Your API key was reported as leaked. Please use another API key.")


def suspended_key(text: str, project: str) -> ApiError:
    """The key's owner was suspended; Google quotes the whole key in this answer."""
    return ApiError(
        403,
        f"Permission denied: Consumer 'api_key:{text}' has been suspended.",
        details=[
            error_info(
                "CONSUMER_SUSPENDED",
                consumer=f"projects/{project_number(project)}",
                containerInfo=f"api_key:{text}",
            )
        ],
    )


def denied_project(project: str) -> ApiError:
    """The project may not use the API at all."""
    return ApiError(
        403,
        "Your project has been denied access. Please contact support.",
        details=[
            error_info("CONSUMER_INVALID", consumer=f"projects/{project_number(project)}"),
        ],
    )


def service_disabled(project: str) -> ApiError:
    """The API is switched off in the key's project."""
    number = project_number(project)
    link = f"https://console.developers.google.com/apis/api/{API_ROOT}/overview?project={number}"
    return ApiError(
        403,
        f"Generative Language API has not been used in project {number} before or it is disabled. "
        f"Enable it by visiting {link} then retry.",
        details=[
            error_info("SERVICE_DISABLED", consumer=f"projects/{number}", activationUrl=link),
        ],
    )


def own_project(key: str) -> str:
    """Return the name of the project of a key that was declared without one."""
    return f"project-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def project_number(project: str) -> str:
    """Return the twelve digits by which Google names a project in some errors."""
    digest = hashlib.sha256(project.encode()).digest()
    return str(10**11 + int.from_bytes(digest[:8]) % (9 * 10**11))
