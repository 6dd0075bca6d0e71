"""Runs all scenarios, or those that pytest is told: `python -m tests.hosts -k restart`."""

import sys
from pathlib import Path

import pytest

from tests.hosts.sandbox import enter

if __name__ == "__main__":
    enter("tests.hosts")
    options = ["-q", "-p", "no:cacheprovider", "--timeout=300", *sys.argv[1:]]
    sys.exit(pytest.main([str(Path(__file__).parent), *options]))
