"""A client that uploads a file with sendfile, which costs next to nothing."""

import http.client
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit


def start_upload(root: str, headers: Sequence[tuple[str, str]]) -> str:
    """Begin a resumable upload and return its address."""
    parts = urlsplit(root)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    commands = (
        ("x-goog-upload-protocol", "resumable"),
        ("x-goog-upload-command", "start"),
        ("x-goog-upload-header-content-type", "application/octet-stream"),
        ("content-type", "application/json"),
    )
    path = f"{parts.path}/upload/v1beta/files"
    connection.request("POST", path, body=b"{}", headers=dict((*headers, *commands)))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, (answer.status, body[:500])
    return answer.headers["x-goog-upload-url"] or ""


def post_file(url: str, file: Path) -> str:
    """Upload a file in one request and return the hash that the upstream tells, in base64."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    connection.putrequest("POST", f"{parts.path}?{parts.query}")
    for name, value in (
        ("x-goog-upload-command", "upload, finalize"),
        ("x-goog-upload-offset", "0"),
        ("content-length", str(file.stat().st_size)),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    with file.open("rb") as content:
        connection.sock.sendfile(content)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, (answer.status, body[:500])
    told: str = json.loads(body)["file"]["sha256Hash"]
    return told
