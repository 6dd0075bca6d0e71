"""The scripts of the files service."""

from services.files.redis_keys import PARTS, PREFIX
from services.kit.redis_scripts import Call, Script, assemble_script


def load_script(*parts: str) -> Script:
    """Put a script together of its parts, after what all scripts share."""
    return assemble_script("services.files", PARTS, *parts)


def run_of(script: Script, *arguments: str | bytes | int) -> Call:
    """Return one run of a script."""
    return Call(script, PREFIX, arguments)
