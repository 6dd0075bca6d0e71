"""Batches: many generate requests as one job, answered inline or in a file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from services.simulator.answers import compose
from services.simulator.catalog import Model
from services.simulator.clock import timestamp
from services.simulator.errors import ApiError, invalid
from services.simulator.files import FileShelf
from services.simulator.owned.shelf import Shelf, new_id
from services.simulator.replies import Writer
from services.simulator.tokens import count_request
from services.simulator.validation import read_message
from services.simulator.vectors import vector

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main."


@dataclass(frozen=True, slots=True)
class Batch:
    """One job.

    Attributes:
        lines: What each request is answered with, under `response` or `error`.
        in_file: Whether the answers go to a file, because the requests came in one.
        ends: When it is done.
        cancelled: When it was given up, 0 for never.
    """

    name: str
    project: str
    model: str
    display_name: str
    config: dict[str, Any]
    lines: tuple[dict[str, Any], ...]
    in_file: bool
    embeds: bool
    created: float
    ends: float
    cancelled: float = 0.0

    @property
    def output_file(self) -> str:
        """The id of the file with the answers."""
        return f"batch-{self.name.removeprefix('batches/')}"

    def state(self, now: float) -> str:
        """Return how the job stands."""
        if self.cancelled:
            return "BATCH_STATE_CANCELLED"
        return "BATCH_STATE_SUCCEEDED" if now >= self.ends else "BATCH_STATE_RUNNING"

    def describe(self, now: float, *, is_new: bool = False) -> dict[str, Any]:
        """Return the operation that stands for the job."""
        state = "BATCH_STATE_PENDING" if is_new else self.state(now)
        is_done = state == "BATCH_STATE_SUCCEEDED"
        stamp = timestamp(self.ends if is_done else self.cancelled or self.created)
        count = len(self.lines)
        key = "successfulRequestCount" if is_done else "pendingRequestCount"
        kind = "EmbedContentBatch" if self.embeds else "GenerateContentBatch"
        metadata: dict[str, Any] = {
            "@type": f"{_TYPE}{kind}",
            "model": f"models/{self.model}",
            "displayName": self.display_name,
            "inputConfig": self.config,
            "createTime": timestamp(self.created),
            "updateTime": stamp,
            "batchStats": {"requestCount": str(count), key: str(count)},
            "state": state,
            "name": self.name,
        }
        described: dict[str, Any] = {"name": self.name, "metadata": metadata}
        if is_done:
            output = self._output()
            described["metadata"] |= {"endTime": stamp, "output": output}
            described |= {"done": True, "response": {"@type": f"{_TYPE}{kind}Output", **output}}
        elif self.cancelled:
            error = {"code": 1, "message": "The batch was cancelled."}
            described |= {"done": True, "error": error}
        return described

    def _output(self) -> dict[str, Any]:
        if self.in_file:
            return {"responsesFile": f"files/{self.output_file}"}
        field = "inlinedEmbedContentResponses" if self.embeds else "inlinedResponses"
        return {field: {"inlinedResponses": list(self.lines)}}


class BatchDesk:
    """Takes jobs, and answers them when they are looked at after their time."""

    def __init__(self, now: Callable[[], float], files: FileShelf) -> None:
        """Take the clock, and where requests come from and answers go to."""
        self._now = now
        self._files = files
        self._shelf: Shelf[Batch] = Shelf()

    def create(
        self,
        model: Model,
        order: dict[str, Any],
        project: str,
        *,
        embeds: bool,
        seconds: float,
    ) -> dict[str, Any]:
        """Take a job that lasts so many seconds and return its operation.

        Raises:
            ApiError: Its requests are missing, or in a file of somebody else.
        """
        config = order.get("inputConfig", order.get("input_config", {}))
        name = config.get("fileName") or config.get("file_name") or ""
        rows = self._rows(name, project) if name else _inlined(config)
        if not rows:
            raise invalid("* CreateBatchRequest.batch.input_config: requests are missing\n")
        now = self._now()
        batch = Batch(
            name=f"batches/{new_id(32)}",
            project=project,
            model=model.name,
            display_name=order.get("displayName", order.get("display_name", "")),
            config={"fileName": name} if name else {},
            lines=tuple(self._answer(model, row, project, embeds=embeds) for row in rows),
            in_file=bool(name),
            embeds=embeds,
            created=now,
            ends=now + seconds,
        )
        return self._shelf.put(batch).describe(now, is_new=True)

    def get(self, name: str, project: str) -> dict[str, Any]:
        """Return a job of the project; ApiError when there is none."""
        return self._show(self._shelf.get(name, project))

    def all_of(self, project: str) -> list[dict[str, Any]]:
        """Return the jobs of a project."""
        return [self._show(batch) for batch in self._shelf.all_of(project)]

    def cancel(self, name: str, project: str) -> None:
        """Give a job up; ApiError when there is none, or when it is done."""
        batch = self._shelf.get(name, project)
        if batch.state(self._now()) != "BATCH_STATE_RUNNING":
            raise ApiError(400, "The batch has ended already.", status="FAILED_PRECONDITION")
        self._shelf.put(replace(batch, cancelled=self._now()))

    def delete(self, name: str, project: str) -> None:
        """Remove a job; ApiError when there is none."""
        self._shelf.delete(name, project)

    def _show(self, batch: Batch) -> dict[str, Any]:
        now = self._now()
        is_done = batch.state(now) == "BATCH_STATE_SUCCEEDED"
        if is_done and batch.in_file and self._files.find(batch.output_file) is None:
            content = b"".join(orjson.dumps(line) + b"\n" for line in batch.lines)
            self._files.put_generated(
                batch.output_file, batch.project, content, mime_type="application/jsonl"
            )
        return batch.describe(now)

    def _rows(self, name: str, project: str) -> list[dict[str, Any]]:
        content = self._files.get(name.removeprefix("files/"), project).content
        try:
            return [orjson.loads(line) for line in content.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise invalid("The batch input file is not JSONL.") from error

    def _answer(
        self, model: Model, row: dict[str, Any], project: str, *, embeds: bool
    ) -> dict[str, Any]:
        told = {key: row[key] for key in ("key", "metadata") if key in row}
        if embeds:
            text = orjson.dumps(row.get("request", {})).decode()
            values = vector(model.name, text, model.dimensions)
            return told | {"response": {"embedding": {"values": values}}}
        body = orjson.dumps(row.get("request", {}))
        try:
            request = read_message("GenerateContentRequest", body)
            self._files.check_citations(body, request, project)
        except ApiError as error:
            return told | {"error": {"code": error.code, "message": error.message}}
        prompt = count_request(request)
        return told | {"response": Writer(model, prompt).whole([compose(request, model, project)])}


def _inlined(config: dict[str, Any]) -> list[dict[str, Any]]:
    holder = config.get("requests", {})
    rows = holder.get("requests", []) if isinstance(holder, dict) else []
    return [row for row in rows if isinstance(row, dict)]
