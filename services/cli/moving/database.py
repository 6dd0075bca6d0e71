"""Reading the database of an installation; nothing is ever written to it."""

import contextlib
import importlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from services.cli.errors import CommandError
from services.cli.moving.installation import Installation, OldFile, named, utc

_SETTINGS = "t_settings"
_FILES = "t_file_records"
_MYSQL_DRIVER = "pymysql"
_MYSQL_PORT = 3306
_USABLE = frozenset({"ACTIVE", "PROCESSING"})


def read_database(url: str) -> Installation:
    """Read settings and files.

    Args:
        url: `sqlite:///relative`, `sqlite:////absolute`, the path of a SQLite file, or
            `mysql://user:password@host:port/database`.

    Raises:
        CommandError: It cannot be read, or is another product's. Passwords are not shown.
    """
    connection, problem = _connect(url)
    try:
        with contextlib.closing(connection):
            settings = _read_settings(connection)
            return Installation(settings, tuple(_read_files(connection)))
    except problem as error:
        raise CommandError(
            f"the database cannot be read as one of gemini-balance: {_first_line(error)}",
            exit_code=2,
        ) from None


def _connect(url: str) -> tuple[Any, type[Exception]]:
    """Return an open connection, and the base of what goes wrong with it."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme == "mysql":
        return _connect_mysql(parts)
    if scheme not in {"", "sqlite"} or (scheme == "sqlite" and parts.netloc):
        raise CommandError(
            "give sqlite:///FILE or mysql://USER:PASSWORD@HOST/DATABASE", exit_code=2
        )
    path = Path(unquote(parts.path[1:]) if scheme else url)
    if not path.is_file():
        raise CommandError(f"{path} is no file", exit_code=2)
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(uri, uri=True), sqlite3.Error


def _connect_mysql(parts: SplitResult) -> tuple[Any, type[Exception]]:
    try:
        driver = importlib.import_module(_MYSQL_DRIVER)
    except ImportError:
        raise CommandError(
            "reading MySQL needs the driver PyMySQL, which is not installed here:"
            " pip install pymysql",
            exit_code=2,
        ) from None
    problem: type[Exception] = driver.Error
    try:
        connection = driver.connect(
            host=parts.hostname or "localhost",
            port=parts.port or _MYSQL_PORT,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.lstrip("/"),
        )
    except problem as error:
        raise CommandError(f"the database does not answer: {_first_line(error)}") from None
    return connection, problem


def _read_settings(connection: Any) -> dict[str, str]:
    rows = _rows(connection, f"SELECT * FROM {_SETTINGS}")  # noqa: S608  # a name of ours
    return named({str(row.get("key") or ""): _text(row.get("value")) for row in rows})


def _read_files(connection: Any) -> Iterator[OldFile]:
    try:
        rows = list(_rows(connection, f"SELECT * FROM {_FILES}"))  # noqa: S608  # as above
    except Exception as error:
        # Older versions had no files. Both drivers say so in classes of their own.
        if "no such table" in str(error) or "doesn't exist" in str(error):
            return
        raise
    for row in rows:
        name, expires = _text(row.get("name")), utc(row.get("expiration_time"))
        if name is None or not name.startswith("files/") or expires is None:
            continue
        yield OldFile(
            name=name,
            key=_text(row.get("api_key")) or "",
            token=_text(row.get("user_token")) or "",
            expire_time=expires,
            is_usable=str(row.get("state") or "ACTIVE").rpartition(".")[2] in _USABLE,
        )


def _rows(connection: Any, query: str) -> Iterator[Mapping[str, Any]]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(query)
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            yield dict(zip(names, row, strict=True))


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
