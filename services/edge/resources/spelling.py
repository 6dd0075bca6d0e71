"""How a name stands in one string of a request: bare, or as an address."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_NAMED = r"(?P<name>(?:files|cachedContents|fileSearchStores|tunedModels|corpora)/[A-Za-z0-9_\-]+)"
_GOOGLE_ROOT = "https://generativelanguage.googleapis.com/v1beta/"
_AFTER = r"(?P<after>(?:/[A-Za-z0-9_\-]+)*(?::[A-Za-z]+)?(?:\?[^#\s]*)?)"

# What can be read in one way only, and is sent as it is.
_EXACT = re.compile(
    rf"(?:https://generativelanguage\.googleapis\.com/v1(?:beta|alpha)?/)?{_NAMED}{_AFTER}"
)
_BARE = re.compile(rf"\s*/?(?:v\d\w*/)?{_NAMED}(?:[/:?#]\S*)?\s*")
_URL = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.\-]*://")
_GOOGLE = re.compile(
    r"\s*(?:[a-z][a-z0-9+.\-]*:)?/*(?:[^/?#@\s]*@)?[^/?#:@\s]*googleapis\.com\.?(?=[/?#:]|\s*\Z)",
    re.IGNORECASE,
)
_SLASHES = re.compile(r"[/\\]+")
# Google may read its own addresses more freely than they are written.
_AT_GOOGLE = re.compile(rf"/{_NAMED}")
_ELSEWHERE = re.compile(rf"[^?#]*?/v\d\w*/{_NAMED}{_AFTER}\s*")


def spelled(*names: str) -> frozenset[str]:
    """Return names of fields in both spellings that Google reads."""
    snakes = (re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name) for name in names)
    return frozenset((*names, *snakes))


# Fields that hold a name, or only its last part.
_FIELDS = {
    spelling: prefix
    for name, prefix in {
        "cachedContent": "cachedContents/",
        "environment": "environments/",
        "environmentId": "environments/",
        "fileName": "files/",
        "fileSearchStoreNames": "fileSearchStores/",
        "previousInteractionId": "interactions/",
    }.items()
    for spelling in spelled(name)
}
# A new environment, not the name of one.
_NOT_NAMES = frozenset({"remote"})
_WHOLE_ID = re.compile(r"[A-Za-z0-9._~=\-]{1,256}")
_ADDRESSES = spelled("fileUri", "uri")


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a string.

    Attributes:
        name: The name.
        text: The string as it is to be sent: as it came, unless it can be read in several
            ways or is the address of another host.
    """

    name: str
    text: str

    def renamed(self, name: str) -> str:
        """Return the string with another name."""
        return self.text.replace(self.name, name, 1) if self.name in self.text else name


def is_address(field: str) -> bool:
    """Whether a field holds a name or an address and nothing else."""
    return field in _ADDRESSES or field in _FIELDS


def find_name(field: str, text: str) -> Found | None:
    """Return the name in a string, None when it holds none.

    Args:
        field: The field that holds the string.
        text: The string.
    """
    if match := _EXACT.fullmatch(text):
        return Found(match["name"], text)
    plain = _SLASHES.sub("/", unquote(text))
    if match := _BARE.fullmatch(plain):
        return Found(match["name"], match["name"])
    if _GOOGLE.match(plain):
        match = _AT_GOOGLE.search(plain)
        return Found(match["name"], _GOOGLE_ROOT + match["name"]) if match else None
    if _URL.match(text):
        match = _ELSEWHERE.fullmatch(text) if field in _ADDRESSES else None
        return (
            Found(match["name"], _GOOGLE_ROOT + match["name"] + match["after"]) if match else None
        )
    prefix = _FIELDS.get(field)
    if prefix is None or text in _NOT_NAMES:
        return None
    last = text.removeprefix(prefix)
    return Found(prefix + last, text) if _WHOLE_ID.fullmatch(last) else None
