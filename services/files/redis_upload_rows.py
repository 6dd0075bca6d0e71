"""An upload as its row in Redis. URLs, bodies and data keys are sealed there."""

import json
from collections.abc import Sequence
from typing import Any

import orjson

from services.files.keeping.manifest import Manifest, from_row, to_row
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState
from services.kit.redis_scripts import from_ms
from services.kit.vault import Vault


class UploadRows:
    """Writes and reads the fields of uploads."""

    def __init__(self, vault: Vault) -> None:
        """Take what seals them."""
        self._vault = vault

    def write_order(self, upload: str, order: UploadOrder) -> dict[str, str | bytes | int]:
        """Return the fields of a new upload."""
        body = {"body": order.body.decode(), "names": order.file_names}
        return {
            "client": order.client_id,
            "pool": order.pool,
            "path": order.path,
            "mime": order.mime_type,
            "size": "" if order.declared_size is None else order.declared_size,
            "name": order.name,
            "parent": order.parent,
            "body": self._vault.seal(json.dumps(body), f"upload-body:{upload}"),
        }

    def write_session(self, upload: str, session: Session) -> bytes:
        """Return a session, sealed."""
        text = json.dumps({"target": session.target, "proxy": session.proxy_url})
        return self._vault.seal(text, f"upload-session:{upload}")

    def read(self, upload: str, row: Sequence[bytes], *, is_dirty: bool = False) -> Upload:
        """Return the upload of a row of fields and values."""
        fields = {name.decode(): value for name, value in zip(row[::2], row[1::2], strict=True)}
        answer = None
        if "status" in fields:
            answer = Answer(int(fields["status"]), fields["type"].decode(), fields["answer"])
        return Upload(
            key=upload,
            order=self._read_order(upload, fields),
            state=UploadState(fields["state"].decode()),
            offset=int(fields["offset"]),
            tail=int(fields["tail"]),
            expire_time=from_ms(fields["ends"]),
            create_time=from_ms(fields["created"]),
            project_id=fields.get("project", b"").decode(),
            session=self._read_session(upload, fields),
            fence=int(fields["fence"]),
            is_dirty=is_dirty,
            hint=fields.get("hint", b"").decode(),
            answer=answer,
            file=fields.get("file", b"").decode(),
            kept=from_row(orjson.loads(fields["kept"])) if "kept" in fields else None,
        )

    def _read_order(self, upload: str, fields: dict[str, bytes]) -> UploadOrder:
        sealed = fields.get("body")
        body: dict[str, Any] = {"body": "", "names": []}
        if sealed:
            body = json.loads(self._vault.unseal(sealed, f"upload-body:{upload}"))
        size = fields["size"]
        return UploadOrder(
            client_id=fields["client"].decode(),
            pool=fields["pool"].decode(),
            path=fields["path"].decode(),
            body=body["body"].encode(),
            mime_type=fields["mime"].decode(),
            declared_size=int(size) if size else None,
            file_names=tuple(body["names"]),
            name=fields["name"].decode(),
            parent=fields["parent"].decode(),
        )

    def _read_session(self, upload: str, fields: dict[str, bytes]) -> Session | None:
        sealed = fields.get("session")
        if not sealed:
            return None
        session = json.loads(self._vault.unseal(sealed, f"upload-session:{upload}"))
        return Session(session["target"], session["proxy"], int(fields["granule"]))


def write_kept(kept: Manifest) -> bytes:
    """Return a manifest as a field."""
    return orjson.dumps(to_row(kept))
