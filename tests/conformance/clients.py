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
from tests.support.client_programs import NODE, PYTHON_GENAI_2

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
    "responses",
    "live",
    "agent",
)
"""The columns of the table."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client in one dialect.

    Attributes:
        name: For the test's id.
        title: For people.
        program: The file that uses it.
        dialect: `openai`, `gemini` or `anthropic`.
        environment: Its own environment; without one it runs among the packages that the
            tests need anyway, and so in `make test`.
        shown_as: Its section on the page about clients, if that is not its title.
    """

    name: str
    title: str
    program: str
    dialect: str
    environment: str = ""
    shown_as: str = ""

    @property
    def is_core(self) -> bool:
        """Whether it needs nothing that `make setup-dev` does not install."""
        return not self.environment

    @property
    def section(self) -> str:
        """Its section on the page about clients."""
        return self.shown_as or self.title

    def command(self) -> list[str]:
        """Return what runs it, once its environment is there."""
        if self._runs_in_node:
            return node_command(self._node_home(), self.program)
        return [str(self._python()), str(program(self.program))]

    def inline(self) -> tuple[list[str], Path | None]:
        """Return what runs code that follows it, and where it has to run, if that matters."""
        if self._runs_in_node:
            return [str(NODE), "--input-type=module", "-e"], self._node_home()
        return [str(self._python()), "-c"], None

    @property
    def _runs_in_node(self) -> bool:
        return self.program.endswith(".mjs")

    def _node_home(self) -> Path:
        return node_environment(self.environment) if self.environment else shared_node_environment()

    def _python(self) -> Path:
        if self.environment:
            return python_environment(self.environment)
        return PYTHON_GENAI_2 if self.name == "genai-python-2" else Path(sys.executable)


_OPENAI_PYTHON = "openai (Python)"
_GENAI_PYTHON = "google-genai (Python)"

CLIENTS = (
    Client(
        "openai-python-3",
        "openai 3 (Python)",
        "openai_python.py",
        "openai",
        shown_as=_OPENAI_PYTHON,
    ),
    Client("openai-node", "openai (Node)", "openai_node.mjs", "openai"),
    Client(
        "genai-python-3",
        "google-genai 3 (Python)",
        "genai_python.py",
        "gemini",
        shown_as=_GENAI_PYTHON,
    ),
    Client(
        "genai-python-2",
        "google-genai 2 (Python)",
        "genai_python.py",
        "gemini",
        shown_as=_GENAI_PYTHON,
    ),
    Client("genai-node", "@google/genai (Node)", "genai_node.mjs", "gemini"),
    Client("anthropic-python", "anthropic (Python)", "anthropic_python.py", "anthropic"),
    Client(
        "openai-python-2",
        "openai 2 (Python)",
        "openai_python.py",
        "openai",
        "openai-2",
        _OPENAI_PYTHON,
    ),
    Client(
        "anthropic-node",
        "@anthropic-ai/sdk (Node)",
        "anthropic_node.mjs",
        "anthropic",
        "anthropic-node",
    ),
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
    Client("langchain-js-openai", "LangChain.js", "langchain_node.mjs", "openai", "langchain-node"),
    Client("langchain-js-gemini", "LangChain.js", "langchain_node.mjs", "gemini", "langchain-node"),
    Client("llama-index-openai", "LlamaIndex", "llama_index_program.py", "openai", "llama-index"),
    Client("llama-index-gemini", "LlamaIndex", "llama_index_program.py", "gemini", "llama-index"),
    Client("pydantic-ai-openai", "Pydantic AI", "pydantic_ai_program.py", "openai", "pydantic-ai"),
    Client("pydantic-ai-gemini", "Pydantic AI", "pydantic_ai_program.py", "gemini", "pydantic-ai"),
    Client("litellm-openai", "LiteLLM", "litellm_program.py", "openai", "litellm"),
    Client("litellm-gemini", "LiteLLM", "litellm_program.py", "gemini", "litellm"),
    Client("instructor-openai", "Instructor", "instructor_program.py", "openai", "instructor"),
    Client("instructor-gemini", "Instructor", "instructor_program.py", "gemini", "instructor"),
    Client("vercel-ai-openai", "AI SDK (Node)", "vercel_ai.mjs", "openai", "vercel-ai"),
    Client("vercel-ai-gemini", "AI SDK (Node)", "vercel_ai.mjs", "gemini", "vercel-ai"),
)
