"""`projects`, `quotas`, `explain` and `usage` against a running system."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from gemini_balance.keypool.v1 import keypool_pb2, keypool_pb2_grpc

from tests.integration.cli.running import Up, run_command

# Keys of their own, so that no other test uses them.
POOL = ("--pool", "metered")


@pytest.fixture(scope="module")
def folder(up: Up) -> Path:
    for project in "ab":
        key = f"AIzaSyMadeUpForTests-metered-{project}"
        added = run_command(up.folder, "keys", "add", key, "--project", f"project-{project}", *POOL)
        assert added.returncode == 0, added.stderr
    return up.folder


def table(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run a command that prints JSON."""
    done = run_command(folder, *arguments, *POOL, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


async def use(up: Up, model: str, *, input_tokens: int) -> keypool_pb2.Lease:
    """Lease a key and report a call that went well."""
    metadata = (("authorization", f"Bearer {up.facts['admin_credential']}"),)
    async with grpc.aio.insecure_channel(up.facts["keypool_target"]) as channel:
        stub = keypool_pb2_grpc.KeyPoolServiceStub(channel)
        order = keypool_pb2.AcquireLeasesRequest(model=model, pool=POOL[1])
        [lease] = (await stub.AcquireLeases(order, metadata=metadata, timeout=10)).leases
        outcome = keypool_pb2.Settlement(
            lease_id=lease.lease_id,
            outcome=keypool_pb2.OUTCOME_SUCCEEDED,
            usage=keypool_pb2.Usage(input_tokens=input_tokens, output_tokens=1),
        )
        outcome.started_at.GetCurrentTime()
        request = keypool_pb2.SettleLeasesRequest(settlements=[outcome])
        await stub.SettleLeases(request, metadata=metadata, timeout=10)
    assert isinstance(lease, keypool_pb2.Lease)
    return lease


class TestUsage:
    def test_is_summed_by_model_key_and_client(self, folder: Path, up: Up) -> None:
        lease = asyncio.run(use(up, "counted", input_tokens=700))

        by_model = {row["model"]: row for row in table(folder, "usage")}
        by_key = {row["key_id"]: row for row in table(folder, "usage", "--by", "key")}
        by_client = {row["client_id"]: row for row in table(folder, "usage", "--by", "client")}

        assert by_model["counted"]["successes"] == 1
        assert by_model["counted"]["input_tokens"] == 700
        assert by_key[lease.key_id]["key"] == lease.key_alias
        assert by_client["cli"]["output_tokens"] >= 1

    def test_is_of_the_span_that_is_asked_for(self, folder: Path, up: Up) -> None:
        asyncio.run(use(up, "recent", input_tokens=1))
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

        recent = run_command(folder, "usage", *POOL, "--since", "90m")
        past = run_command(folder, "usage", *POOL, "--to", yesterday)
        since = run_command(folder, "usage", *POOL, "--from", yesterday)

        assert "recent\t1\t0\t1\t1\t0\t0" in recent.stdout.splitlines()
        assert (past.returncode, past.stdout) == (0, "")
        assert "recent" in since.stdout

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--since", "soon"), "--since: soon is not a span such as 90m, 24h or 7d"),
            (("--since", "1h", "--from", "2026-01-01"), "give --since or --from, not both"),
            (
                ("--from", "2026-02-01", "--to", "2026-01-01"),
                "the span must begin in the past and before its end",
            ),
            (
                ("--to", "noon"),
                "--to: noon is not a time such as 2026-11-23 or 2026-11-23T08:00",
            ),
        ],
    )
    def test_of_no_span_is_one_clear_line(
        self, folder: Path, arguments: tuple[str, ...], problem: str
    ) -> None:
        done = run_command(folder, "usage", *arguments)

        assert (done.returncode, done.stderr) == (2, f"gemini-balance: {problem}\n")


class TestQuotas:
    def test_are_declared_listed_and_withdrawn(self, folder: Path) -> None:
        limits = ("--rpm", "10", "--tpm", "250000")
        done = run_command(folder, "quotas", "set", "q-*", "--tier", "gold", *limits, *POOL)
        run_command(folder, "quotas", "set", "q-1", "--project", "project-a", "--rpd", "0", *POOL)

        rows = table(folder, "quotas", "list")
        withdrawn = [
            run_command(folder, "quotas", "remove", "q-*", "--tier", "gold", *POOL),
            run_command(folder, "quotas", "remove", "q-1", "--project", "project-a", *POOL),
        ]

        assert done.stderr == "tier gold has declared limits for q-*\n"
        found = {row["model"]: row for row in rows if row["model"].startswith("q-")}
        wanted = {"tier": "gold", "project": "", "model": "q-*", "rpm": "10", "tpm": "250000"}
        assert found["q-*"] == {**wanted, "rpd": ""}
        assert (found["q-1"]["project"], found["q-1"]["rpd"]) == ("project-a", "0")
        assert withdrawn[1].stderr == (
            "project project-a has no declared limits for q-1 any more\n"
        )
        left = {row["model"] for row in table(folder, "quotas", "list")}
        assert not left & {"q-*", "q-1"}

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("set", "m", "--rpm", "1"), "give either --tier or --project"),
            (("remove", "m", "--tier", "a", "--project", "b"), "give either --tier or --project"),
            (("set", "m", "--tier", "a"), "give --rpm, --tpm or --rpd"),
        ],
    )
    def test_that_are_not_told_well_are_one_clear_line(
        self, folder: Path, arguments: tuple[str, ...], problem: str
    ) -> None:
        done = run_command(folder, "quotas", *arguments)

        assert (done.returncode, done.stderr) == (2, f"gemini-balance: {problem}\n")


class TestExplain:
    def test_tells_what_is_left_of_each_window(self, folder: Path, up: Up) -> None:
        limits = ("--rpm", "1", "--rpd", "50")
        for project in "ab":
            name = ("--project", f"project-{project}")
            run_command(folder, "quotas", "set", "told", *name, *limits, *POOL)
        used = asyncio.run(use(up, "told", input_tokens=5)).project_id

        rows = {row["project"]: row for row in table(folder, "explain", "told", "--tokens", "9")}
        done = run_command(folder, "explain", "told", *POOL)

        [spent] = [rows.pop(used)]
        [free] = rows.values()
        assert (spent["eligible"], spent["reason"]) == (False, "quota")
        assert datetime.fromisoformat(spent["until"]) > datetime.now(UTC)
        windows = {window["window"]: window for window in spent["windows"]}
        assert (windows["rpm"]["used"], windows["rpm"]["limit"]) == (1, 1)
        assert windows["rpd"] == {"window": "rpd", "used": 1, "limit": 50, "source": "declared"}
        assert (free["eligible"], free["reason"], free["until"]) == (True, "", "")
        assert done.stderr == "1 of 2 projects can be used now\n"
        lines = {line.split("\t")[0]: line.split("\t") for line in done.stdout.splitlines()}
        assert lines[used][1:3] == ["no", "quota"]
        assert "rpm=1/1" in lines[used][6].split(",")


class TestProjects:
    def test_get_a_tier(self, folder: Path) -> None:
        done = run_command(folder, "projects", "set-tier", "project-a", "gold", *POOL)

        tiers = {row["project"]: row["tier"] for row in table(folder, "projects", "list")}
        assert done.stderr == "project-a has the tier gold\n"
        assert tiers["project-a"] == "gold"
        cleared = run_command(folder, "projects", "set-tier", "project-a", "", *POOL)
        assert cleared.stderr == "project-a has the tier (none)\n"

    def test_are_merged_with_a_reason(self, folder: Path) -> None:
        for project in ("from", "into"):
            key = f"AIzaSyMadeUpForTests-merge-{project}"
            run_command(folder, "keys", "add", key, "--project", f"project-{project}", *POOL)

        done = run_command(
            folder, "projects", "merge", "project-from", "project-into", "--reason", "seen", *POOL
        )

        rows = {row["project"]: row for row in table(folder, "projects", "list")}
        assert done.stderr == "project-into has 2 keys now\n"
        assert "project-from" not in rows
        assert len(rows["project-into"]["key_ids"]) == 2
        assert any("seen" in line for line in rows["project-into"]["audit"])
        run_command(folder, "keys", "remove", *rows["project-into"]["key_ids"])

    def test_that_are_unknown_are_one_clear_line(self, folder: Path) -> None:
        done = run_command(folder, "projects", "set-tier", "project-none", "gold", *POOL)

        assert done.returncode == 1
        assert done.stderr.startswith("gemini-balance: the key pool refuses: ")
        assert len(done.stderr.splitlines()) == 1

    def test_are_found_out(self, folder: Path) -> None:
        done = run_command(folder, "keys", "discover", "--dry-run", "--tag", "demo", "--json")

        rows = json.loads(done.stdout)
        assert done.returncode == 0, done.stderr
        assert len(rows) == 4
        assert not any(row["moved"] for row in rows)
        assert done.stderr == "4 keys examined, 0 would be moved to another project\n"
