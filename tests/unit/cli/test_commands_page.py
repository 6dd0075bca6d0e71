"""The page about commands tells of each command, in the words of its help, with a true example."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.main import app

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
SECTION = re.compile(
    r"^### `(?P<name>[^`]+)`\n\n(?P<help>[^\n]+)\n\n(?P<more>(?:[^`#].*\n+)*?)"
    r"```console\n(?P<example>[^\n]+)\n```\n",
    re.MULTILINE,
)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command with its whole name."""
    waiting: list[tuple[str, Any]] = [("gemini-balance", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        if hasattr(command, "commands"):
            waiting += [(f"{name} {part}", found) for part, found in command.commands.items()]
        if getattr(command, "invoke_without_command", True):
            yield name, command


COMMANDS = dict(commands())
SECTIONS = {found["name"]: found for found in SECTION.finditer(PAGE.read_text("utf-8"))}


def test_every_command_has_its_section_and_no_other() -> None:
    headings = re.findall(r"^### `([^`]+)`$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert sorted(headings) == sorted(COMMANDS)
    assert sorted(SECTIONS) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
class TestSection:
    def test_says_what_the_help_says(self, name: str) -> None:
        assert SECTIONS[name]["help"] == COMMANDS[name].help.strip()

    def test_has_an_example_that_the_command_understands(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for given in ("keys.txt", "talk.mp4"):
            (tmp_path / given).touch()
        example = SECTIONS[name]["example"].partition(" > ")[0]
        words = shlex.split(example)
        arguments = words[len(name.split()) :]

        # Raises for an option that is not there, and for values of a wrong kind.
        context = COMMANDS[name].make_context(name, list(arguments))

        assert example.startswith(name)
        assert not context.args
