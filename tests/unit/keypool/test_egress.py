"""Which way out a key takes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.keypool.egress import DIRECT, ProxyRing, egress_id, show_proxy

PROXIES = st.lists(
    st.integers(0, 50).map(lambda number: f"http://proxy-{number}.example:3128"),
    min_size=1,
    max_size=10,
    unique=True,
)
KEYS = [f"k{number:016d}" for number in range(50)]


@given(proxies=PROXIES, data=st.data())
def test_the_order_of_proxies_does_not_matter(proxies: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(proxies))

    first, second = ProxyRing(proxies), ProxyRing(shuffled)

    assert [first.proxy_of(key) for key in KEYS] == [second.proxy_of(key) for key in KEYS]


@given(proxies=PROXIES)
def test_a_proxy_that_goes_moves_only_its_own_keys(proxies: list[str]) -> None:
    before, after = ProxyRing(proxies), ProxyRing(proxies[1:])

    for key in KEYS:
        if before.proxy_of(key) != proxies[0]:
            assert after.proxy_of(key) == before.proxy_of(key)


def test_keys_are_spread_evenly() -> None:
    ring = ProxyRing([f"http://proxy-{number}.example:3128" for number in range(4)])

    shares = Counter(ring.proxy_of(f"k{number}") for number in range(4000))

    assert len(shares) == 4
    assert all(850 < share < 1150 for share in shares.values())


def test_changed_credentials_move_no_key() -> None:
    before = ProxyRing([f"http://me:old@proxy-{number}.example:1" for number in range(4)])
    after = ProxyRing([f"http://me:new@proxy-{number}.example:1" for number in range(4)])

    assert [show_proxy(before.proxy_of(key)) for key in KEYS] == [
        show_proxy(after.proxy_of(key)) for key in KEYS
    ]


def test_a_name_tells_nothing_of_credentials() -> None:
    assert egress_id("") == DIRECT
    assert egress_id("http://a:b@p.example:1") == egress_id("http://c:d@p.example:1")
    assert egress_id("http://p.example:1") != egress_id("http://p.example:2")
    assert show_proxy("socks5://user:word@p.example:1080") == "socks5://p.example:1080"
