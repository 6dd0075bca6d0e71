"""What `REDIS_URL` may say, and what is said about one that cannot be read."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.redis_client import open_redis
from services.kit.redis_cluster import BoundedCluster
from services.kit.redis_sentinel import SentinelPool
from services.kit.redis_url import RedisAddress, Topology, read_redis_url

SINGLE, SENTINEL, CLUSTER = Topology.SINGLE, Topology.SENTINEL, Topology.CLUSTER


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", RedisAddress(SINGLE, (("h", 6379),))),
        ("redis://h:1/", RedisAddress(SINGLE, (("h", 1),))),
        ("redis://h/3", RedisAddress(SINGLE, (("h", 6379),), database=3)),
        ("redis://h?db=3", RedisAddress(SINGLE, (("h", 6379),), database=3)),
        ("REDIS://h", RedisAddress(SINGLE, (("h", 6379),))),
        ("redis://[::1]:7/0", RedisAddress(SINGLE, (("::1", 7),))),
        ("redis://[::1]", RedisAddress(SINGLE, (("::1", 6379),))),
        ("redis://:p%40ss@h", RedisAddress(SINGLE, (("h", 6379),), password="p@ss")),
        ("redis://:p@ss@h", RedisAddress(SINGLE, (("h", 6379),), password="p@ss")),
        ("redis://u:p@h", RedisAddress(SINGLE, (("h", 6379),), username="u", password="p")),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=no&ssl_ca_certs=/ca.pem",
            RedisAddress(
                SINGLE,
                (("h", 6379),),
                is_tls=True,
                tls={
                    "ssl_cert_reqs": "none",
                    "ssl_check_hostname": False,
                    "ssl_ca_certs": "/ca.pem",
                },
            ),
        ),
        ("unix:///run/v.sock", RedisAddress(SINGLE, socket_path="/run/v.sock")),
        (
            "unix://u:p@/run/v.sock?db=2",
            RedisAddress(SINGLE, socket_path="/run/v.sock", database=2, username="u", password="p"),
        ),
        (
            "redis+sentinel://a,b:7/main/2",
            RedisAddress(SENTINEL, (("a", 26379), ("b", 7)), service="main", database=2),
        ),
        (
            "rediss+sentinel://:p@a/main?sentinel_username=w&sentinel_password=s%26t",
            RedisAddress(
                SENTINEL,
                (("a", 26379),),
                service="main",
                is_tls=True,
                password="p",
                sentinel_username="w",
                sentinel_password="s&t",
            ),
        ),
        (
            "redis+cluster://a,b:7,[::1]:8",
            RedisAddress(CLUSTER, (("a", 6379), ("b", 7), ("::1", 8))),
        ),
        ("redis+cluster://a/0", RedisAddress(CLUSTER, (("a", 6379),))),
    ],
)
def test_reads(url: str, address: RedisAddress) -> None:
    assert read_redis_url(url) == address


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with"),
        ("localhost:6379", "must begin with"),
        ("http://h", "must begin with"),
        ("redis:h", "must begin with"),
        ("redis://", "names no host"),
        ("redis://:secret@", "names no host"),
        ("redis://a,b", "one host only"),
        ("redis://h:secret", "the port"),
        ("redis://h:0", "the port"),
        ("redis://h:70000", "the port"),
        ("redis://u:secret@::1:6379", "brackets"),
        ("redis://[::1", "not a URL"),
        ("redis://h/secret", "the number of the database"),
        ("redis://h/-1", "the number of the database"),
        ("redis://h/0/1", "too many parts"),
        ("redis://h?socket_timeout=1", "not one of db"),
        ("redis://:secret?x@h", "not one of db"),
        ("redis://h?ssl_ca_certs=/x", "not one of db"),
        ("redis://:secret#x@h", "'#'"),
        ("rediss://h?ssl_cert_reqs=secret", "none, optional or required"),
        ("rediss://h?ssl_check_hostname=secret", "true or false"),
        ("unix://h/run/v.sock", "absolute path"),
        ("unix://", "absolute path"),
        ("unix:///v.sock?db=x", "the number of the database"),
        ("redis+sentinel://a:1", "names no service"),
        ("redis+sentinel://a,/main", "names no host"),
        ("redis+cluster://a/1", "no database but 0"),
        ("redis+cluster://a?sentinel_password=secret", "not one of db"),
    ],
)
def test_refuses(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        read_redis_url(url)

    assert "secret" not in str(caught.value)


@given(st.text(alphabet="redis+cluntl:/@,?#[]=%0159.ü ", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for scheme in ("", "redis://", "redis+sentinel://", "redis+cluster://", "unix://"):
        with contextlib.suppress(ValueError):
            read_redis_url(scheme + text)


def test_passwords_stay_out_of_sight() -> None:
    shown = repr(read_redis_url("redis+sentinel://:hunter2@h/s?sentinel_password=hunter3"))

    assert "hunter" not in shown


async def test_opens_what_the_url_asks_for_without_connecting() -> None:
    single = open_redis("redis://h", name="n")
    sentinel = open_redis("redis+sentinel://h/s", name="n")
    cluster = open_redis("redis+cluster://h", name="n")
    socket = open_redis("unix:///run/v.sock", name="n")
    tls = open_redis("rediss://h?ssl_cert_reqs=none&ssl_check_hostname=no", name="n")
    clients = (single, sentinel, cluster, socket, tls)

    assert isinstance(sentinel.connection_pool, SentinelPool)
    assert isinstance(cluster, BoundedCluster)
    for client in clients:
        await client.aclose()
