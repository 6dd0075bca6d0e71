"""The data folder: private, used by one at a time, never half written."""

import os
import stat
from pathlib import Path

import pytest

from services.cli import data_dir, run_file, secrets_store
from services.cli.errors import CommandError
from services.cli.run_file import RunFile

RUNNING = RunFile(
    pid=1,
    url="http://127.0.0.1:8000",
    keypool_target="127.0.0.1:50051",
    files_target="127.0.0.1:50052",
    ops_urls={"edge": "http://127.0.0.1:9090"},
    pids={"edge": 2},
    demo=True,
    admin_credential="secret-credential",
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return data_dir.prepare(tmp_path / "deep" / "data")


class TestFolder:
    def test_is_closed_to_others_even_when_it_was_open(self, tmp_path: Path) -> None:
        path = tmp_path / "data"
        path.mkdir(mode=0o755)

        assert data_dir.prepare(path) == path.resolve()
        assert mode(path) == 0o700

    def test_that_is_a_file_is_one_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")

        with pytest.raises(CommandError, match="cannot be used"):
            data_dir.prepare(tmp_path / "data")


class TestLock:
    def test_admits_one_at_a_time(self, folder: Path) -> None:
        with data_dir.lock(folder):
            assert data_dir.is_locked(folder)
            with (
                pytest.raises(data_dir.DataDirInUseError, match="another `gemini-balance up`"),
                data_dir.lock(folder),
            ):
                pass
        assert not data_dir.is_locked(folder)

    def test_of_the_parts_lasts_as_long_as_whoever_inherited_it(self, folder: Path) -> None:
        with data_dir.parts_lock(folder, timeout_seconds=0) as descriptor:
            heir = os.dup(descriptor)

        with (
            pytest.raises(data_dir.DataDirInUseError, match="parts of an earlier"),
            data_dir.parts_lock(folder, timeout_seconds=0.05),
        ):
            pass
        os.close(heir)
        with data_dir.parts_lock(folder, timeout_seconds=0):
            pass


class TestSecrets:
    def test_are_made_once_and_private(self, folder: Path) -> None:
        first = secrets_store.load_or_create(folder)

        assert secrets_store.load_or_create(folder) == first
        assert mode(folder / secrets_store.FILE_NAME) == 0o600
        assert [path.name for path in folder.iterdir()] == [secrets_store.FILE_NAME]

    def test_differ_between_folders_and_from_each_other(self, tmp_path: Path) -> None:
        folders = [data_dir.prepare(tmp_path / name) for name in "ab"]
        a, b = (secrets_store.load_or_create(folder) for folder in folders)

        values = [a.edge, a.files, a.cli, a.auth_token, a.demo_token, *a.demo_keys]
        values += [b.edge, b.files, b.cli, b.auth_token, b.demo_token, *b.demo_keys]
        assert len(set(values)) == len(values)

    def test_a_damaged_file_is_never_overwritten(self, folder: Path) -> None:
        path = folder / secrets_store.FILE_NAME
        for damage in ("", "{", "[]", '{"edge": "x"}'):
            path.write_text(damage)
            with pytest.raises(CommandError, match="damaged"):
                secrets_store.load_or_create(folder)
            assert path.read_text() == damage

    def test_a_renewed_demo_keeps_the_rest(self, folder: Path) -> None:
        first = secrets_store.load_or_create(folder)

        renewed = secrets_store.renew_demo(folder, first)

        assert renewed.demo_token != first.demo_token
        assert not set(renewed.demo_keys) & set(first.demo_keys)
        assert renewed.encryption_key == first.encryption_key
        assert secrets_store.load_or_create(folder) == renewed

    def test_do_not_show(self, folder: Path) -> None:
        found = secrets_store.load_or_create(folder)

        assert found.auth_token not in repr(found)


class TestRunFile:
    def test_is_private_and_read_back_while_up_runs(self, folder: Path) -> None:
        run_file.write(folder, RUNNING)

        with data_dir.lock(folder):
            assert run_file.read_running(folder) == RUNNING
        assert mode(folder / run_file.FILE_NAME) == 0o600
        assert "secret-credential" not in repr(RUNNING)

    def test_that_a_killed_up_left_behind_does_not_count(self, folder: Path) -> None:
        run_file.write(folder, RUNNING)

        with pytest.raises(CommandError, match="nothing runs in"):
            run_file.read_running(folder)

    def test_of_a_folder_that_is_not_there_is_one_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="nothing runs in"):
            run_file.read_running(tmp_path / "none")

    def test_removing_it_twice_is_fine(self, folder: Path) -> None:
        run_file.write(folder, RUNNING)
        run_file.remove(folder)
        run_file.remove(folder)

        assert not (folder / run_file.FILE_NAME).exists()
