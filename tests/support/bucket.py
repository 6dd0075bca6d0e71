"""A bucket that speaks as much of S3's protocol as keeping bytes needs."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_LISTED = (
    "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>e</ETag><Size>{}</Size></Contents>"
)


@dataclass
class Bucket:
    """What lies in the bucket, by path, and how it was asked.

    Attributes:
        url: Its endpoint.
        signed_by: The access keys of all requests.
    """

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    signed_by: set[str] = field(default_factory=set)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Serve a request."""
        path, _, query = target.partition("?")
        match method:
            case "PUT":
                self.objects[path] = body
            case "POST":
                names = re.findall(rb"<Key>(.*?)</Key>", body)
                for name in names:
                    self.objects.pop(f"{path}/{name.decode()}", None)
                gone = b"".join(b"<Deleted><Key>%s</Key></Deleted>" % name for name in names)
                return 200, b"<DeleteResult>%s</DeleteResult>" % gone
            case "GET" if "list-type" in query:
                [prefix] = re.findall(r"prefix=([^&]*)", query)
                begin = f"{path}/{prefix.replace('%2F', '/')}"
                rows = [
                    _LISTED.format(name.removeprefix(f"{path}/"), len(content))
                    for name, content in self.objects.items()
                    if name.startswith(begin)
                ]
                listed = f"<IsTruncated>false</IsTruncated>{''.join(rows)}"
                return 200, f"<ListBucketResult>{listed}</ListBucketResult>".encode()
            case "GET":
                found = self.objects.get(path)
                return (404, b"") if found is None else (200, found)
        return 200, b""


@contextlib.contextmanager
def running_bucket() -> Iterator[Bucket]:
    """Serve a bucket for the length of the block."""
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            signed = re.search(r"Credential=(.*?)/", self.headers.get("authorization", ""))
            bucket.signed_by.add(signed[1] if signed else "")
            status, answer = bucket.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.send_header("etag", "e")
            self.send_header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        bucket.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield bucket
        finally:
            server.shutdown()
            thread.join()
