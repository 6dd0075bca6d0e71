"""An upload's address is the one that its client sees."""

import pytest

from services.edge.errors import ApiError
from services.edge.uploads.addresses import Addresses, Arrival, TrustedPeers
from services.edge.uploads.collections import upstream_path

PATH = "/upload/v1beta/files"
QUERY = "?upload_id=id-1&upload_protocol=resumable"
PROXY, STRANGER = "10.1.2.3", "192.0.2.7"


def address(
    *, public_url: str = "", path: str = PATH, peer: str = PROXY, scheme: str = "http", **sent: str
) -> str:
    """Return the address of an upload, without its query; underscores are dashes."""
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in sent.items()}
    arrival = Arrival(path, scheme, peer, "127.0.0.1:8000", {b"host": b"edge:8000", **headers})
    url = Addresses(public_url, TrustedPeers(["10.0.0.0/8"])).of_upload("id-1", arrival)
    assert url.endswith(QUERY)
    return url.removesuffix(QUERY)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, "http://edge:8000/upload/v1beta/files"),
        ({"host": "localhost"}, "http://localhost/upload/v1beta/files"),
        ({"host": "localhost:80"}, "http://localhost/upload/v1beta/files"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000/upload/v1beta/files"),
        ({"host": ""}, "http://127.0.0.1:8000/upload/v1beta/files"),
        ({"scheme": "https", "host": "h:443"}, "https://h/upload/v1beta/files"),
        ({"path": "/gemini/upload/v1/files"}, "http://edge:8000/gemini/upload/v1/files"),
    ],
)
def test_without_a_proxy(sent: dict[str, str], expected: str) -> None:
    assert address(peer=STRANGER, **sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"x_forwarded_proto": "https"}, "https://edge:8000"),
        ({"x_forwarded_proto": "HTTPS", "x_forwarded_host": "ai.example"}, "https://ai.example"),
        ({"x_forwarded_host": "ai.example:8443"}, "http://ai.example:8443"),
        ({"x_forwarded_host": "ai.example", "x_forwarded_port": "8080"}, "http://ai.example:8080"),
        (
            {
                "x_forwarded_proto": "https",
                "x_forwarded_host": "ai.example",
                "x_forwarded_port": "443",
            },
            "https://ai.example",
        ),
        # The client's own port is what it sees.
        ({"x_forwarded_host": "ai.example:1", "x_forwarded_port": "2"}, "http://ai.example:1"),
        ({"x_forwarded_prefix": "/gw/p"}, "http://edge:8000/gw/p"),
        ({"x_forwarded_prefix": "/gw/"}, "http://edge:8000/gw"),
        ({"x_forwarded_prefix": "/"}, "http://edge:8000"),
        # Several proxies: the first is the one that the client sees.
        (
            {"x_forwarded_proto": "https, http", "x_forwarded_host": "a.example, b.internal"},
            "https://a.example",
        ),
        # What cannot be meant is as if it were not there.
        ({"x_forwarded_proto": "gopher"}, "http://edge:8000"),
        ({"x_forwarded_host": "a/b"}, "http://edge:8000"),
        ({"x_forwarded_host": "user@evil"}, "http://edge:8000"),
        ({"x_forwarded_port": "-1"}, "http://edge:8000"),
        ({"x_forwarded_prefix": "gw"}, "http://edge:8000"),
        ({"x_forwarded_prefix": "/a?b"}, "http://edge:8000"),
    ],
)
def test_behind_a_trusted_proxy(sent: dict[str, str], expected: str) -> None:
    assert address(**sent) == expected + PATH


def test_headers_of_strangers_are_not_believed() -> None:
    spoofed = {
        f"x_forwarded_{name}": value
        for name, value in [("proto", "https"), ("host", "evil"), ("prefix", "/x"), ("port", "1")]
    }

    assert address(peer=STRANGER, **spoofed) == f"http://edge:8000{PATH}"


def test_the_public_url_wins() -> None:
    public = "https://ai.example/gw"

    assert address(public_url=public, x_forwarded_host="other") == public + PATH
    assert address(public_url=public, host="!!", peer=STRANGER) == public + PATH


@pytest.mark.parametrize("host", ["a b", "a/b", "user@h", "h:port", "h:123456", "[::1", '"'])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    with pytest.raises(ApiError) as refused:
        address(host=host, peer=STRANGER)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.2", False),
        (["127.0.0.1"], "::ffff:127.0.0.1", True),
        (["10.0.0.0/8", "::1"], "10.255.0.1", True),
        (["10.0.0.1/8"], "10.255.0.1", True),
        (["10.0.0.0/8", "::1"], "::1", True),
        (["fd00::/8"], "fd00::9", True),
        (["10.0.0.0/8"], "", False),
        (["10.0.0.0/8"], "unix", False),
        (["*"], "", True),
        (["*"], "192.0.2.1", True),
        ([], "127.0.0.1", False),
    ],
)
def test_whom_to_believe(trusted: list[str], peer: str, believed: bool) -> None:
    assert (peer in TrustedPeers(trusted)) is believed


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/99", "", "**"])
def test_what_is_no_peer(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        TrustedPeers([text])


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/upload/v1beta/files", "upload/v1beta/files"),
        ("/upload/v1/files", "upload/v1/files"),
        ("/upload/v1alpha/files", "upload/v1alpha/files"),
        ("/upload/files", "upload/v1beta/files"),
        (
            "/upload/v1/fileSearchStores/my-store:uploadToFileSearchStore",
            "upload/v1/fileSearchStores/my-store:uploadToFileSearchStore",
        ),
        ("/upload/v1beta/files/", None),
        ("/upload/v1beta/files/x", None),
        ("/upload/v2/files", None),
        ("/upload/v1/fileSearchStores/a/b:uploadToFileSearchStore", None),
        ("/upload/v1/fileSearchStores/a:importFile", None),
        ("/upload/v1/environments/e/files/x", None),
    ],
)
def test_where_uploads_begin(path: str, upstream: str | None) -> None:
    assert upstream_path(path) == upstream


def test_a_medium_lies_below_what_its_client_sees() -> None:
    headers = {b"host": b"edge:8000", b"x-forwarded-proto": b"https", b"x-forwarded-prefix": b"/gw"}
    arrival = Arrival("/hf/v1/images/generations", "http", PROXY, "127.0.0.1:8000", headers)
    trusted = TrustedPeers(["10.0.0.0/8"])

    assert Addresses("", trusted).of_media("id-1", arrival) == "https://edge:8000/gw/media/id-1"
    public = Addresses("https://ai.example/gemini", trusted)
    assert public.of_media("id-1", arrival) == "https://ai.example/gemini/media/id-1"


@pytest.mark.parametrize("store", ["%C2%84", "a%20b", "a" * 129])
def test_no_upload_begins_in_a_store_that_cannot_be(store: str) -> None:
    with pytest.raises(ApiError) as refused:
        upstream_path(f"/upload/v1beta/fileSearchStores/{store}:uploadToFileSearchStore")

    assert (refused.value.status, refused.value.code) == (400, "invalid_name")
