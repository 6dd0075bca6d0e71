"""Which way out a key takes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keypool.egress import DIRECT, Egress, Source, Ways, egress_id, show_proxy
from services.kit.vault import UnreadableError

PROXIES = st.lists(
    st.integers(0, 50).map(lambda number: f"http://proxy-{number}.example:3128"),
    min_size=1,
    max_size=10,
    unique=True,
)
KEYS = [f"k{number:016d}" for number in range(50)]


def proxy_of(ways: Ways, key_id: str, project: str = "p", *tags: str, pool: str = "pool") -> str:
    return ways.choose(pool, key_id, project, tags).proxy_url


@given(proxies=PROXIES, data=st.data())
def test_the_order_of_proxies_does_not_matter(proxies: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(proxies))

    first, second = Ways(proxies), Ways(shuffled)

    assert [proxy_of(first, key) for key in KEYS] == [proxy_of(second, key) for key in KEYS]


@given(proxies=PROXIES)
def test_a_proxy_that_goes_moves_only_its_own_keys(proxies: list[str]) -> None:
    before, after = Ways(proxies), Ways(proxies[1:])

    for key in KEYS:
        if proxy_of(before, key) != proxies[0]:
            assert proxy_of(after, key) == proxy_of(before, key)


def test_keys_are_spread_evenly() -> None:
    ring = Ways([f"http://proxy-{number}.example:3128" for number in range(4)])

    shares = Counter(proxy_of(ring, f"k{number}") for number in range(4000))

    assert len(shares) == 4
    assert all(850 < share < 1150 for share in shares.values())


def test_changed_credentials_move_no_key() -> None:
    before = Ways([f"http://me:old@proxy-{number}.example:1" for number in range(4)])
    after = Ways([f"http://me:new@proxy-{number}.example:1" for number in range(4)])

    assert [show_proxy(proxy_of(before, key)) for key in KEYS] == [
        show_proxy(proxy_of(after, key)) for key in KEYS
    ]


def test_a_name_tells_nothing_of_credentials() -> None:
    assert egress_id("") == DIRECT
    assert egress_id("http://a:b@p.example:1") == egress_id("http://c:d@p.example:1")
    assert egress_id("http://p.example:1") != egress_id("http://p.example:2")
    assert show_proxy("socks5://user:word@p.example:1080") == "socks5://p.example:1080"


def egress(
    name: str, *proxies: str, projects: tuple[str, ...] = (), tags: tuple[str, ...] = ()
) -> Egress:
    return Egress("pool", name, projects, tags, proxies)


PROXY = {name: f"http://user:word@{name}.example:1" for name in ("all", "p", "q", "eu", "us")}


def declared() -> Ways:
    ways = Ways([PROXY["all"]])
    by_project = [egress(name, PROXY[name], projects=(name,)) for name in "pq"]
    by_tag = [egress(name, PROXY[name], tags=(name,)) for name in ("eu", "us")]
    ways.declare(Source.COMMAND, [*by_project, *by_tag])
    return ways


class TestDeclared:
    @pytest.mark.parametrize(
        ("project", "tags", "way"),
        [
            ("p", (), "p"),
            ("q", ("eu", "us"), "q"),
            ("r", ("eu",), "eu"),
            ("r", ("night", "us"), "us"),
            ("r", ("night",), "all"),
            ("eu", (), "all"),
            ("", (), "all"),
        ],
    )
    def test_the_project_comes_before_the_tags_and_these_before_all(
        self, project: str, tags: tuple[str, ...], way: str
    ) -> None:
        for key in KEYS:
            chosen = declared().choose("pool", key, project, tags)
            assert chosen.proxy_url == PROXY[way]
            assert chosen.egress == ("" if way == "all" else way)

    def test_pools_have_their_own(self) -> None:
        assert proxy_of(declared(), "k1", "p", "eu", pool="other") == PROXY["all"]

    def test_tags_of_several_ways_share_their_proxies_in_whatever_order(self) -> None:
        ways = declared()

        one = [proxy_of(ways, key, "r", "eu", "us") for key in KEYS]
        other = [proxy_of(ways, key, "r", "us", "eu") for key in KEYS]

        assert one == other
        assert set(one) == {PROXY["eu"], PROXY["us"]}

    @given(proxies=PROXIES, data=st.data())
    def test_keys_are_bound_as_they_are_without_it(
        self, proxies: list[str], data: st.DataObject
    ) -> None:
        ways = Ways()
        shuffled = data.draw(st.permutations(proxies))
        ways.declare(Source.COMMAND, [egress("eu", *shuffled, projects=("p",))])

        assert [proxy_of(ways, key) for key in KEYS] == [
            proxy_of(Ways(proxies), key) for key in KEYS
        ]

    def test_a_change_holds_at_once(self) -> None:
        ways = declared()
        assert proxy_of(ways, "k1") == PROXY["p"]

        ways.declare(Source.COMMAND, [])

        assert proxy_of(ways, "k1") == PROXY["all"]

    def test_the_file_hides_a_command_of_the_same_name(self) -> None:
        ways = Ways()
        ways.declare(Source.FILE, [egress("eu", PROXY["eu"], projects=("q",))])
        ways.declare(Source.COMMAND, [egress("eu", PROXY["us"], projects=("p",))])

        assert proxy_of(ways, "k1", "p") == ""
        assert proxy_of(ways, "k1", "q") == PROXY["eu"]
        assert [each.projects for each in ways.list_all("pool")] == [("q",)]

    def test_one_that_cannot_be_unsealed_lets_nobody_out(self) -> None:
        ways = Ways([PROXY["all"]])
        ways.declare(Source.COMMAND, [Egress("pool", "eu", ("p",), (), None)])

        with pytest.raises(UnreadableError):
            ways.choose("pool", "k1", "p", ())
        assert proxy_of(ways, "k1", "q") == PROXY["all"]

    def test_it_shows_no_credentials(self) -> None:
        assert "word" not in repr(egress("eu", PROXY["eu"]))
        assert "word" not in repr(declared().choose("pool", "k1", "p", ()))
