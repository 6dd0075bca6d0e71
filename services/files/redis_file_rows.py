"""Files and their copies as they stand in Redis."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.files.keeping.manifest import from_row, to_row
from services.files.records import FileCopy, FileRecord
from services.kit.redis_scripts import from_ms


def write_record(record: FileRecord) -> bytes:
    """Return a record as it is stored; its copies stand beside it."""
    return orjson.dumps(
        {
            # First, where the scripts look for it.
            "generation": record.generation,
            "client": record.client_id,
            "pool": record.pool,
            "project": record.project_id,
            "made": int(record.create_time.timestamp() * 1000),
            "ends": int(record.expire_time.timestamp() * 1000),
            "kept": to_row(record.kept) if record.kept else None,
            "purpose": record.purpose,
            "upstream": orjson.Fragment(record.upstream),
        }
    )


def read_record(name: str, stored: bytes, copies: Sequence[bytes]) -> FileRecord:
    """Return a file of what is stored and of its projects and copies."""
    row: dict[str, Any] = orjson.loads(stored)
    return FileRecord(
        name=name,
        client_id=row["client"],
        pool=row["pool"],
        generation=row.get("generation", ""),
        project_id=row["project"],
        upstream=orjson.dumps(row["upstream"]),
        create_time=from_ms(row["made"]),
        expire_time=from_ms(row["ends"]),
        copies=tuple(
            read_copy(project.decode(), copy)
            for project, copy in zip(copies[::2], copies[1::2], strict=True)
        ),
        kept=from_row(row["kept"]) if row["kept"] else None,
        # Files that were recorded before there was one have none.
        purpose=row.get("purpose", ""),
    )


def write_copy(copy: FileCopy) -> bytes:
    """Return a copy as it is stored."""
    return orjson.dumps(
        {
            "name": copy.name,
            "uri": copy.uri,
            "ends": int(copy.expire_time.timestamp() * 1000),
            "active": copy.is_active,
        }
    )


def read_copy(project_id: str, stored: bytes) -> FileCopy:
    """Return what `write_copy` wrote."""
    row: dict[str, Any] = orjson.loads(stored)
    return FileCopy(project_id, row["name"], row["uri"], from_ms(row["ends"]), row["active"])
