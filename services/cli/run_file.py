"""What a running `up` tells other commands: where its parts are, and how to be let in."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from services.cli.data_dir import is_locked, read_json, write_private_json
from services.cli.errors import CommandError

FILE_NAME = "run.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """A running system. Kept in a file that only its owner may read.

    Attributes:
        pid: The process id of `up`.
        url: The public address of the edge.
        keypool_target: gRPC target of the key pool.
        files_target: gRPC target of the files service.
        ops_urls: Base address of each part's ops port, by part.
        pids: Process id of each part.
        demo: Whether it runs against the simulator.
        admin_credential: Opens the admin calls.
    """

    pid: int
    url: str
    keypool_target: str
    files_target: str
    ops_urls: dict[str, str]
    pids: dict[str, int]
    demo: bool
    admin_credential: str = field(repr=False)


def write(data_dir: Path, content: RunFile) -> None:
    """Replace the file."""
    write_private_json(data_dir / FILE_NAME, asdict(content))


def remove(data_dir: Path) -> None:
    """Remove the file."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def read_running(
    data_dir: Path, *, elsewhere: str = "set KEYPOOL_TARGET and SERVICE_CREDENTIAL"
) -> RunFile:
    """Return how to reach the system that runs in a data folder.

    Args:
        data_dir: The folder.
        elsewhere: What to do to reach a system of another machine.

    Raises:
        CommandError: None runs there.
    """
    content = read_json(data_dir / FILE_NAME) if data_dir.is_dir() else None
    # The file outlives an `up` that was killed; its lock does not.
    if content is None or not is_locked(data_dir):
        raise CommandError(
            f"nothing runs in {data_dir}: start `gemini-balance up`, name its --data-dir,"
            f" or {elsewhere}"
        )
    try:
        return RunFile(**content)
    except TypeError as error:
        raise CommandError(
            f"{data_dir / FILE_NAME} was written by another version; restart `up`"
        ) from error
