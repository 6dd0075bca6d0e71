"""Becomes a command that ends when its parent does: `leash.py PARENT_PID PROGRAM ARGUMENT...`.

Run as a script with `python -I -S`, so it imports nothing but the standard
library. The wish to die with the parent survives `exec`; setting it here, and
not between fork and exec, keeps Python code out of a forked multi-threaded process.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Replace this process by the command.

    Args:
        parent: The process whose end is to end this one.
        command: Absolute path of the program, and its arguments.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    if os.getppid() != parent:
        # It died before it could be watched.
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
