"""What ends a command: one clear line and an exit code."""

BAD_SETTINGS = 2
INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on, for a reason that the operator can act on."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        """Say why.

        Args:
            message: One line without secrets, with the next step if there is one. Empty when
                the reason was shown already.
            exit_code: 2 for wrong settings, else 1.
        """
        super().__init__(message)
        self.exit_code = exit_code


class BadSettingError(CommandError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        """Name the setting and what is wrong with it."""
        super().__init__(f"{name}: {problem}", exit_code=BAD_SETTINGS)
