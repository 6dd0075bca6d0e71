"""What a quota file may say, and how it is told what it may not."""

from pathlib import Path

import pytest

from services.keypool.egress import Egress, Source
from services.keypool.filing import read_quota_file
from services.keypool.project_store import Limits, QuotaScope
from services.keypool.quota_settings import QuotaFileError, parse_quota_file

WHOLE = """
[tiers.free."gemini-2.5-flash"]
rpm = 10
tpm = 250_000
rpd = 250

[tiers.free."gemini-*"]
rpd = 0

[projects.team-a]
tier = "free"
keys = ["kabcdefghij234567", "k-1f3a…9xYz", "k-2222...0000", "...longer-9xYz", "*7777"]

[projects.team-a.models."gemini-2.5-pro"]
rpm = 5

[projects.team-b]
keys = ["...9xYz"]

[egress.office]
proxies = ["http://user:word@proxy.example:1", "socks5://proxy.example:2"]
projects = ["team-a"]
tags = ["office"]
"""


def test_limits_and_tiers() -> None:
    file = parse_quota_file(WHOLE)

    assert file.quotas == {
        QuotaScope("t", "free", "gemini-2.5-flash"): Limits(10, 250_000, 250),
        QuotaScope("t", "free", "gemini-*"): Limits(rpd=0),
        QuotaScope("p", "team-a", "gemini-2.5-pro"): Limits(rpm=5),
    }
    assert file.tiers == {"team-a": "free"}


def test_ways_out() -> None:
    proxies = ("http://user:word@proxy.example:1", "socks5://proxy.example:2")

    assert parse_quota_file(WHOLE).egresses == (
        Egress("default", "office", ("team-a",), ("office",), proxies, Source.FILE),
    )


@pytest.mark.parametrize(
    ("key_id", "alias", "secret", "project"),
    [
        ("kabcdefghij234567", "", "", "team-a"),
        ("kx", "k-1f3a…9xYz", "", "team-a"),
        ("kx", "k-2222…0000", "", "team-a"),
        ("kx", "", "AIza-longer-9xYz", "team-a"),
        ("kx", "", "AIza-shorter-9xYz", "team-b"),
        ("kx", "", "AIza7777", "team-a"),
        ("kx", "k-1f3a…9xYy", "AIza", ""),
        ("kx", "", "", ""),
    ],
)
def test_what_selects_a_key(key_id: str, alias: str, secret: str, project: str) -> None:
    assert parse_quota_file(WHOLE).groups.project_of(key_id, alias, secret) == project


def test_an_empty_file_declares_nothing() -> None:
    file = parse_quota_file("# nothing yet")

    assert (file.quotas, file.tiers, bool(file.groups)) == ({}, {}, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tiers", "is not TOML: "),
        ("[tiers.free.m]\nrpm = -1", "tiers.free.m.rpm: Input should be greater than or equal"),
        ("[tiers.free.m]\nrpm = 1.5", "tiers.free.m.rpm: Input should be a valid integer"),
        ('[tiers.free.m]\nrpm = "1"', "tiers.free.m.rpm: Input should be a valid integer"),
        ("[tiers.free.m]\nrpm = true", "tiers.free.m.rpm: Input should be a valid integer"),
        ("[tiers.free.m]\nrpn = 1", "tiers.free.m.rpn: Extra inputs are not permitted"),
        ("[tiers.free.m]", "declares nothing"),
        ('[tiers.free."models/m"]\nrpm = 1', "must be a model, where * stands for any text"),
        ('[tiers."a/b".m]\nrpm = 1', "must be 1 to 128 of the characters"),
        ('[projects.p]\ntier = "gold"', "projects.p.tier: there is no tier gold"),
        (
            '[projects.p]\nkeys = ["AIzaSyA-a-whole-secret"]',
            "projects.p.keys.0: must be a key's id",
        ),
        ('[projects.p]\nkeys = ["...xyz"]', "at least the last 4 characters"),
        ("[projects.p]\nkeys = [7]", "projects.p.keys.0: must be a key's id"),
        (
            '[projects.p]\nkeys = ["...wxyz"]\n[projects.q]\nkeys = ["...wxyz"]',
            "projects.q.keys: ...wxyz is in p, too",
        ),
        ('[egress.eu]\nproxies = ["http://p:1"]', "egress.eu: is for no projects and no tags"),
        ('[egress.eu]\ntags = ["a"]', "egress.eu.proxies: Field required"),
        ('[egress.eu]\ntags = ["a"]\nproxies = []', "egress.eu.proxies: Tuple should have"),
        (
            '[egress.eu]\ntags = ["a"]\nproxies = ["ftp://me:AIzaSy@p"]',
            "egress.eu.proxies.0: must be a URL such as http",
        ),
        ('[egress.eu]\ntags = [""]\nproxies = ["http://p:1"]', "egress.eu.tags.0: "),
        ('[egress."a/b"]\ntags = ["a"]\nproxies = ["http://p:1"]', "must be 1 to 128"),
        ("[project.p]", "project: Extra inputs are not permitted"),
        ("tiers = 3", "tiers: "),
    ],
)
def test_what_cannot_be_meant_is_named(text: str, problem: str) -> None:
    with pytest.raises(QuotaFileError) as failure:
        parse_quota_file(text)

    assert problem in str(failure.value)
    assert "AIzaSy" not in str(failure.value)


@pytest.mark.parametrize("name", ["missing.toml", "folder", "binary.toml"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(QuotaFileError, match=r"cannot be read|is not text"):
        read_quota_file(tmp_path / name)


def test_the_sample_in_the_documentation_is_good() -> None:
    page = (Path(__file__).parents[3] / "docs" / "quotas.md").read_text()
    samples = [part.partition("```")[0] for part in page.split("```toml\n")[1:]]

    files = [parse_quota_file(sample) for sample in samples]

    assert any(file.quotas and file.tiers and file.groups for file in files)
