"""A supervisor for tests to kill: `python -m tests.integration.cli.supervised FOLDER`."""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from services.cli.child import ChildSpec
from services.cli.supervisor import Supervisor
from tests.integration.cli.waiting import until

SLEEPER = "import time; time.sleep(600)"
NOTED_SLEEPER = "import pathlib; pathlib.Path({name!r}).touch(); " + SLEEPER


async def main(folder: Path) -> None:
    supervisor = Supervisor()
    for name in ("one", "two"):
        spec = ChildSpec(
            name=name,
            command=(sys.executable, "-c", NOTED_SLEEPER.format(name=name)),
            env=dict(os.environ),
            probe=partial(until, (folder / name).exists),
            cwd=folder,
            stop_seconds=1,
        )
        await supervisor.start(spec)
    (folder / "pids").write_text(" ".join(map(str, supervisor.pids.values())), "utf-8")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
