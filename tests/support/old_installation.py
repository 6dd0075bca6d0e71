"""A gemini-balance installation as it lies on disk: made by us, in the form it is known to have."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_TABLES = """
create table t_settings (
    id integer primary key, key varchar(100) not null unique, value text,
    description varchar(255), created_at datetime, updated_at datetime
);
create table t_request_log (
    id integer primary key, request_time datetime, model_name varchar(100), api_key varchar(100),
    is_success boolean not null, status_code integer, latency_ms integer
);
"""
_FILES = """
create table t_file_records (
    id integer primary key, name varchar(255) not null unique, display_name varchar(255),
    mime_type varchar(100) not null, size_bytes bigint not null, sha256_hash varchar(255),
    state varchar(10) not null, create_time datetime not null, update_time datetime not null,
    expiration_time datetime not null, uri varchar(500) not null, api_key varchar(100) not null,
    upload_url text, user_token varchar(100), upload_completed datetime
);
"""


@dataclass(frozen=True)
class Uploaded:
    """A file that was uploaded through it."""

    name: str
    key: str
    token: str | None
    hours_left: float = 24
    state: str = "ACTIVE"


def write_database(
    path: Path, settings: Mapping[str, object], files: Sequence[Uploaded] | None = ()
) -> str:
    """Write a database and return its address; None for `files` makes one of an older version."""
    now = datetime.now(UTC).replace(tzinfo=None)
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(_TABLES + (_FILES if files is not None else ""))
        for name, value in settings.items():
            text = value if isinstance(value, str | None) else json.dumps(value)
            connection.execute(
                "insert into t_settings (key, value, description) values (?, ?, '')", (name, text)
            )
        for file in files or ():
            ends = now + timedelta(hours=file.hours_left)
            connection.execute(
                "insert into t_file_records (name, mime_type, size_bytes, state, create_time,"
                " update_time, expiration_time, uri, api_key, user_token)"
                " values (?, 'text/plain', 5, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(file.name, file.state, str(now), str(now), str(ends)),
                    *(f"https://generativelanguage.googleapis.com/v1beta/{file.name}",),
                    *(file.key, file.token),
                ),
            )
    connection.close()
    return f"sqlite:///{path}"
