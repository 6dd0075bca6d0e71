"""The clients of the suite, and what each of them can do."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.environments import (
    node_command,
    node_environment,
    program,
    python_environment,
    shared_node_environment,
)
from tests.support.client_programs import PYTHON_GENAI_2

FEATURES = (
    "chat",
    "stream",
    "tools",
    "structured",
    "vision",
    "embeddings",
    "files",
    "models",
    "error",
    "count_tokens",
    "completions",
    "images",
    "speech",
    "transcription",
    "live",
)
"""The columns of the table."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client in one dialect.

    Attributes:
        name: For the test's id.
        title: For people.
        program: The file that uses it.
        dialect: `openai` or `gemini`.
        environment: Its own environment; without one it runs among the packages that the
            tests need anyway, and so in `make test`.
    """

    name: str
    title: str
    program: str
    dialect: str
    environment: str = ""

    @property
    def is_core(self) -> bool:
        """Whether it needs nothing that `make setup-dev` does not install."""
        return not self.environment

    def command(self) -> list[str]:
        """Return what runs it, once its environment is there."""
        if self.program.endswith(".mjs"):
            home = (
                node_environment(self.environment)
                if self.environment
                else shared_node_environment()
            )
            return node_command(home, self.program)
        if self.environment:
            python = python_environment(self.environment)
        else:
            python = PYTHON_GENAI_2 if self.name == "genai-python-2" else Path(sys.executable)
        return [str(python), str(program(self.program))]


CLIENTS = (
    Client("openai-python-3", "openai 3 (Python)", "openai_python.py", "openai"),
    Client("openai-node", "openai (Node)", "openai_node.mjs", "openai"),
    Client("genai-python-3", "google-genai 3 (Python)", "genai_python.py", "gemini"),
    Client("genai-python-2", "google-genai 2 (Python)", "genai_python.py", "gemini"),
    Client("genai-node", "@google/genai (Node)", "genai_node.mjs", "gemini"),
    Client("openai-python-2", "openai 2 (Python)", "openai_python.py", "openai", "openai-2"),
    Client(
        "langchain-openai",
        "langchain-openai",
        "langchain_openai_program.py",
        "openai",
        "langchain-openai",
    ),
    Client(
        "langchain-google-genai",
        "langchain-google-genai",
        "langchain_google_program.py",
        "gemini",
        "langchain-google-genai",
    ),
    Client("pydantic-ai-openai", "Pydantic AI", "pydantic_ai_program.py", "openai", "pydantic-ai"),
    Client("pydantic-ai-gemini", "Pydantic AI", "pydantic_ai_program.py", "gemini", "pydantic-ai"),
    Client("litellm-openai", "LiteLLM", "litellm_program.py", "openai", "litellm"),
    Client("litellm-gemini", "LiteLLM", "litellm_program.py", "gemini", "litellm"),
    Client("instructor-openai", "Instructor", "instructor_program.py", "openai", "instructor"),
    Client("instructor-gemini", "Instructor", "instructor_program.py", "gemini", "instructor"),
    Client("vercel-ai-openai", "AI SDK (Node)", "vercel_ai.mjs", "openai", "vercel-ai"),
    Client("vercel-ai-gemini", "AI SDK (Node)", "vercel_ai.mjs", "gemini", "vercel-ai"),
)
