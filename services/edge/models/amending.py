"""What is added to a Gemini request: by the name of its model, and by the settings.

What a client says itself always stands. Requests are read in both spellings of Google's
fields, and only changed where something is to be added.
"""

import re
from typing import Any

from services.edge.models.choosing import Chosen, Suffix, fits, found_for
from services.edge.models.settings import ModelSettings
from services.edge.openai.thinking import ModelFamily, family_of, thinking_from_effort

_HUMP = re.compile(r"[A-Z]")
_TOOLS_SINCE = (2, 0)


class Amendments:
    """Adds to requests what their clients do not say."""

    def __init__(self, settings: ModelSettings) -> None:
        """Take the settings."""
        self._settings = settings
        self._has_defaults = bool(
            settings.safety_settings
            or settings.thinking_budget_map
            or settings.show_thinking_process
            or settings.tools_code_execution_enabled
            or settings.url_context_enabled
        )

    def concern(self, chosen: Chosen) -> bool:
        """Whether requests to a model may have to be changed at all."""
        return self._has_defaults or chosen.suffix is not None

    def apply(self, request: dict[str, Any], chosen: Chosen) -> tuple[bool, list[str]]:
        """Add to a request of `generateContent`.

        Args:
            request: The parsed body. It may be changed.
            chosen: The model.

        Returns:
            Whether it was changed, and what of the client's wishes had to be given up.
        """
        work = _Amending(self._settings, request, chosen)
        work.pictures()
        work.tools()
        work.thinking()
        work.safety()
        return work.is_changed, work.ignored


def hide_thoughts(request: dict[str, Any]) -> None:
    """Ask for no thoughts. Models think as much as before."""
    thinking = request.get("generationConfig", {}).get("thinkingConfig")
    if thinking is not None:
        thinking.pop("includeThoughts", None)


class _Amending:
    """The changes of one request."""

    def __init__(self, settings: ModelSettings, request: dict[str, Any], chosen: Chosen) -> None:
        self.is_changed = False
        self.ignored: list[str] = []
        self._settings = settings
        self._request = request
        self._model = chosen.model
        self._suffix = chosen.suffix
        self._family: ModelFamily = family_of(chosen.model)
        self._config = dict(request.get(_name_in(request, "generationConfig")) or {})
        self._draws = chosen.suffix in {Suffix.IMAGE, Suffix.CHAT} or self._family.makes_media

    def pictures(self) -> None:
        """Ask for text and pictures. Models that draw beside that take no system instruction."""
        if self._suffix not in {Suffix.IMAGE, Suffix.CHAT}:
            return
        name = _name_in(self._config, "responseModalities")
        if not self._config.get(name):
            self._set_config(name, ["TEXT", "IMAGE"])
        if self._suffix is Suffix.IMAGE:
            name = _name_in(self._request, "systemInstruction")
            if self._request.pop(name, None):
                self.ignored.append("systemInstruction")
                self.is_changed = True

    def tools(self) -> None:
        """Offer Google's own tools, where nothing stands in their way."""
        wanted = self._wanted_tools()
        if not wanted:
            return
        name = _name_in(self._request, "tools")
        tools = self._request.get(name) or []
        tools = [tools] if isinstance(tools, dict) else list(tools)
        present = {field for tool in tools if isinstance(tool, dict) for field in tool}
        is_free = self._takes_tools(present)
        for tool in wanted:
            if tool in present or _snake(tool) in present:
                continue
            if is_free:
                tools.append({tool: {}})
                self._request[name] = tools
                self.is_changed = True
            elif tool == "googleSearch":
                self.ignored.append("googleSearch")

    def thinking(self) -> None:
        """Say how much is to be thought, and whether that is to be shown."""
        if not self._family.can_think or self._draws:
            return
        if self._suffix is Suffix.NON_THINKING:
            least = thinking_from_effort("none", self._family, [])
            self._set_config(_name_in(self._config, "thinkingConfig"), least)
            return
        settings = self._settings
        budget = found_for(self._model, settings.thinking_budget_map)
        is_shown = settings.show_thinking_process and (
            budget is not None or fits(self._model, settings.thinking_models)
        )
        if budget is None and not is_shown:
            return
        name = _name_in(self._config, "thinkingConfig")
        said = self._config.get(name)
        if said is None:
            said = {}
        if not isinstance(said, dict):
            # Google says best what is wrong with it.
            return
        added: dict[str, Any] = {}
        has_said = any(said.get(_name_in(said, key)) is not None for key in _AMOUNTS)
        if budget is not None and not has_said:
            added["thinkingBudget"] = budget
        shown = _name_in(said, "includeThoughts")
        if is_shown and said.get(shown) is None and (has_said or budget != 0):
            added[shown] = True
        if added:
            self._set_config(name, said | added)

    def safety(self) -> None:
        """Set the thresholds of which the client says nothing."""
        defaults = self._settings.safety_settings
        if not defaults:
            return
        name = _name_in(self._request, "safetySettings")
        said = self._request.get(name) or []
        known = [each.get("category") for each in said if isinstance(each, dict)]
        missing = [each for each in defaults if each["category"] not in known]
        if missing:
            self._request[name] = [*said, *missing]
            self.is_changed = True

    def _wanted_tools(self) -> list[str]:
        if self._draws or self._family.generation < _TOOLS_SINCE:
            return ["googleSearch"] if self._suffix is Suffix.SEARCH else []
        wanted = []
        settings = self._settings
        if self._suffix is Suffix.SEARCH:
            wanted.append("googleSearch")
        elif settings.tools_code_execution_enabled:
            wanted.append("codeExecution")
        if settings.url_context_enabled and fits(self._model, settings.url_context_models):
            wanted.append("urlContext")
        return wanted

    def _takes_tools(self, present: set[str]) -> bool:
        """Whether Google accepts a tool of its own beside the rest of the request."""
        if {"functionDeclarations", "function_declarations"} & present:
            return False
        if self._request.get(_name_in(self._request, "cachedContent")):
            return False
        if self._family.is_modern:
            return True
        mime_type = self._config.get(_name_in(self._config, "responseMimeType"))
        return mime_type in (None, "", "text/plain")

    def _set_config(self, name: str, value: object) -> None:
        self._config[name] = value
        self._request[_name_in(self._request, "generationConfig")] = self._config
        self.is_changed = True


_AMOUNTS = ("thinkingBudget", "thinkingLevel")


def _name_in(holder: dict[str, Any], name: str) -> str:
    """Return a field's name as a message spells it, the usual one when it is not there."""
    snake = _snake(name)
    return snake if snake in holder and holder.get(name) is None else name


def _snake(name: str) -> str:
    return _HUMP.sub(lambda letter: f"_{letter[0].lower()}", name)
