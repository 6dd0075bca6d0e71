"""What is worked out when a script is loaded."""

import re
from collections import defaultdict
from importlib import resources

from services.keypool.redis_keys import POOL_PARTS
from services.keypool.redis_scripts import load_script

SOURCES = {
    path.name: path.read_text("utf-8")
    for path in (resources.files("services.keypool") / "lua").iterdir()
}
CONSTANT = re.compile(r"^ *local ([A-Z_]+) = ([\d.e]+|'[^'\n]*')$", re.MULTILINE)


def test_no_name_is_left_to_be_worked_out() -> None:
    for source in SOURCES:
        if source != "common.lua":
            text = load_script(source.removesuffix(".lua")).text

            assert not re.search(r"\bnamed\('", text.split("local prefix")[1]), source


def test_a_name_begins_with_the_prefix_and_ends_with_what_it_is_of() -> None:
    script = load_script("explain")

    assert f"redis.call('ZCARD', (prefix .. '{POOL_PARTS['live']}' .. project))" in script.text


def test_a_constant_has_one_value_wherever_it_is_used() -> None:
    values: defaultdict[str, set[str]] = defaultdict(set)
    for source in SOURCES.values():
        for name, value in CONSTANT.findall(source):
            values[name].add(value)

    assert {name: found for name, found in values.items() if len(found) > 1} == {}
    assert values["PLACE"] == {"1e9"}


def test_no_text_of_a_script_looks_like_a_constant() -> None:
    names = {name for source in SOURCES.values() for name, _ in CONSTANT.findall(source)}
    words = {
        word
        for source in SOURCES.values()
        for quoted in re.findall(r"'([^'\n]*)'", re.sub(r"--.*", "", source))
        for word in re.findall(r"\b[A-Z_]+\b", quoted)
    }

    assert names & words == set()


def test_constants_are_put_where_they_are_used() -> None:
    text = load_script("turns", "withdraw", "enlisting").text

    assert "local LEASES_MS" not in text
    assert "redis.call('PEXPIRE', (prefix .. 'L:' .. key_id), 7200000)" in text
