"""The agents of the suite, and how the simulated model does their task with their own tools."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.simulator.scripts import Script, ScriptedCall, Step
from tests.conformance.environments import node_environment

TASK = "Read notes.txt and write its third word into answer.txt."
"""What the page about clients lets them do."""

NOTES, ANSWER = "notes.txt", "answer.txt"
FAREWELL = "The third word is written."

Calls = Callable[[Path], tuple[ScriptedCall, ScriptedCall]]


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent on the command line.

    Attributes:
        name: For the test's id.
        title: For people; also its section on the page about clients.
        dialect: `openai`, `gemini` or `anthropic`.
        route: By which the edge serves it.
        package: At npm.
        command: By which people call it.
        calls: With which of its tools it reads and writes in a folder.
        executable: A pattern, below its packages, of the program itself, where what npm makes of
            the command needs the package's own install script.
    """

    name: str
    title: str
    dialect: str
    route: str
    package: str
    command: str
    calls: Calls
    executable: str = ""

    @property
    def section(self) -> str:
        """Its section on the page about clients."""
        return self.title

    def commands(self, folder: Path) -> list[Path]:
        """Return the folders in which its command is found, once its environment is there.

        Args:
            folder: For what has to be put somewhere.
        """
        packages = node_environment(self.name) / "node_modules"
        if not self.executable:
            return [packages / ".bin"]
        folder.mkdir(parents=True, exist_ok=True)
        # Of builds for newer and older processors the last one in the order runs on both.
        *_, program = sorted(packages.glob(self.executable))
        (folder / self.command).symlink_to(program)
        return [folder]

    def version(self) -> str:
        """Return the version of its package."""
        about = node_environment(self.name) / "node_modules" / self.package / "package.json"
        version: str = json.loads(about.read_text("utf-8"))["version"]
        return version

    def script(self, folder: Path) -> Script:
        """Return how the model does the task in a folder: it goes by what it has read there."""
        read, write = self.calls(folder)
        return Script(
            cue=TASK,
            steps=(
                Step(calls=(read,)),
                Step(find=r"pears plums (?P<third>\S+) figs", calls=(write,)),
                Step(text=FAREWELL),
            ),
        )


def _files(read: str, write: str, path: str) -> Calls:
    def calls(folder: Path) -> tuple[ScriptedCall, ScriptedCall]:
        answer = {path: str(folder / ANSWER), "content": "<<third>>"}
        return (
            ScriptedCall(name=read, args={path: str(folder / NOTES)}),
            ScriptedCall(name=write, args=answer),
        )

    return calls


def _shell(name: str, argument: str) -> Calls:
    def calls(folder: Path) -> tuple[ScriptedCall, ScriptedCall]:
        write = f"printf %s '<<third>>' > '{folder / ANSWER}'"
        return (
            ScriptedCall(name=name, args={argument: f"cat '{folder / NOTES}'"}),
            ScriptedCall(name=name, args={argument: write}),
        )

    return calls


AGENTS = (
    Agent(
        "claude-code",
        "Claude Code",
        "anthropic",
        "messages",
        "@anthropic-ai/claude-code",
        "claude",
        _files("Read", "Write", "file_path"),
        "@anthropic-ai/claude-code-*/claude",
    ),
    Agent(
        "gemini-cli",
        "Gemini CLI",
        "gemini",
        "method",
        "@google/gemini-cli",
        "gemini",
        _files("read_file", "write_file", "file_path"),
    ),
    Agent(
        "qwen-code",
        "Qwen Code",
        "openai",
        "chat",
        "@qwen-code/qwen-code",
        "qwen",
        _files("read_file", "write_file", "file_path"),
    ),
    Agent(
        "opencode",
        "opencode",
        "openai",
        "chat",
        "opencode-ai",
        "opencode",
        _files("read", "write", "filePath"),
        "opencode-*/bin/opencode",
    ),
    Agent(
        "codex",
        "Codex",
        "openai",
        "responses",
        "@openai/codex",
        "codex",
        _shell("exec_command", "cmd"),
    ),
)
