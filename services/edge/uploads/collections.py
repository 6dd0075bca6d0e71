"""Where uploads begin, and which requests go on with one."""

import re

from services.edge.errors import bad_request
from services.edge.http import Exchange

_COLLECTION = re.compile(
    r"/upload/(?:(?P<version>v1beta|v1alpha|v1)/)?"
    r"(?P<target>files|fileSearchStores/(?P<store>[^/]+):uploadToFileSearchStore)"
)
_STORE = re.compile(r"[A-Za-z0-9._~\-]{1,128}")


def upstream_path(path: str) -> str | None:
    """Return the upstream path of a collection that takes uploads, None for others.

    SDKs that are told to use no API version leave it out.

    Raises:
        ApiError: 400 for a store whose name cannot be one.
    """
    found = _COLLECTION.fullmatch(path)
    if found is None:
        return None
    if (store := found["store"]) and not _STORE.fullmatch(store):
        raise bad_request("The path holds a name that cannot be one.", code="invalid_name")
    return f"upload/{found['version'] or 'v1beta'}/{found['target']}"


def upload_id_of(exchange: Exchange) -> str:
    """Return the id of the upload that a request goes on with, empty when it does not.

    The id alone counts: some clients drop a prefix from the address of an upload, some
    add one.
    """
    if "upload_id=" not in exchange.query or "/upload/" not in exchange.path:
        return ""
    return exchange.query_value("upload_id")
