"""A client that follows a plan, and a writer whose whole surroundings are in memory."""

import asyncio
import contextlib
import itertools
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from unittest.mock import patch

from hypothesis import strategies as st

from services.files import memory, uploads
from services.files.budget import Budget
from services.files.errors import NoKeyError, UpstreamUnavailableError
from services.files.finishing import Finisher
from services.files.listening import Listening
from services.files.opening import Opener
from services.files.safekeeping import Safekeeping
from services.files.sender import Sending
from services.files.shares import Shares
from services.files.transfer import Patience
from services.files.uploads import Answer, Upload, UploadOrder, UploadState
from services.files.write_order import Finish, WriteOrder
from services.files.writing import Writing
from services.kit.errors import StoreUnavailableError
from tests.support.memory_pool import MemoryPool
from tests.support.memory_uploads import MemoryUploads
from tests.support.plain_keeper import PlainKeeper
from tests.support.scripted_google import ScriptedGoogle, Trouble

T = TypeVar("T")

BEARABLE = (UpstreamUnavailableError, StoreUnavailableError, NoKeyError)
"""What a lonely writer may be told without having done anything wrong."""
CONTENT = bytes(index * 7 % 251 for index in range(1200))


@dataclass(frozen=True)
class Step:
    """One write of a client.

    Attributes:
        length: How many bytes it sends at most.
        overlap: How many bytes it sends again that are safe already.
        frames: Sizes of its frames, used in turn.
        announce: Whether it tells length and end before.
        cut_after: It leaves after so many frames, None for never.
    """

    length: int
    overlap: int
    frames: list[int]
    announce: bool
    cut_after: int | None


@dataclass(frozen=True)
class Plan:
    """A client's way to upload a file, and what goes wrong on it.

    Attributes:
        size: Of the file.
        declared: Whether the size is told at the start.
        before: The granule assumed before Google tells its own.
        granule: The granule that Google tells.
        keeps: What Google keeps of a cut request is a multiple of this.
        room: The budget, in granules assumed before.
        part: What one client may have of it.
        steps: Writes; when they are used up, one more brings the rest.
        google: Trouble of requests, in turn.
        store: Steps of the store that fail, by their number.
        keyless: Whether the key pool has no key for sessions that are open.
    """

    size: int
    declared: bool
    before: int
    granule: int
    keeps: int
    room: int
    part: int
    steps: list[Step]
    google: list[Trouble]
    store: frozenset[int]
    keyless: bool


STEPS = st.builds(
    Step,
    length=st.integers(0, 500),
    overlap=st.integers(0, 100),
    frames=st.lists(st.integers(1, 120), min_size=1, max_size=5),
    announce=st.booleans(),
    cut_after=st.none() | st.integers(0, 12),
)
PLANS = st.builds(
    Plan,
    size=st.integers(0, len(CONTENT)),
    declared=st.booleans(),
    before=st.sampled_from([16, 48, 64, 100]),
    granule=st.sampled_from([16, 48, 64, 100, 200]),
    keeps=st.sampled_from([1, 16, 100]),
    room=st.integers(2, 4),
    part=st.integers(2, 4),
    steps=st.lists(STEPS, max_size=6),
    google=st.lists(st.sampled_from(Trouble), max_size=25),
    store=st.frozensets(st.integers(0, 60), max_size=3),
    keyless=st.booleans(),
)


class CountedMemory:
    """Makes memory for granules, and knows how much of it is still known to anybody.

    Attributes:
        live: So many bytes.
    """

    def __init__(self) -> None:
        self.live = 0

    def make(self, size: int) -> memoryview:
        view = memoryview(bytearray(size))
        self.live += size
        weakref.finalize(view, self._gone, size)
        return view

    def _gone(self, size: int) -> None:
        self.live -= size


@dataclass
class World:
    """A writer's whole surroundings, in memory."""

    plan: Plan
    store: MemoryUploads = field(init=False)
    google: ScriptedGoogle = field(init=False)
    pool: MemoryPool = field(init=False)
    budget: Budget = field(init=False)
    keeper: PlainKeeper = field(default_factory=PlainKeeper)
    writing: Writing = field(init=False)
    memory: CountedMemory = field(default_factory=CountedMemory)

    @contextlib.contextmanager
    def planned(self) -> Iterator[None]:
        """Let the plan's granule and the counted memory hold for the length of the block."""
        with (
            patch.object(uploads, "GRANULE", self.plan.before),
            patch.object(memory, "take", self.memory.make),
        ):
            yield

    def __post_init__(self) -> None:
        plan = self.plan
        trouble: Iterator[Trouble] = iter(plan.google)
        numbers = itertools.count()

        async def step(_: str) -> None:
            await asyncio.sleep(0)
            if next(numbers) in plan.store:
                raise StoreUnavailableError("the store does not answer")

        self.store = MemoryUploads(step=step)

        def next_trouble(_: str) -> Trouble:
            assert self.memory.live <= self.budget.used, "more memory than was taken"
            return next(trouble, Trouble.NONE)

        self.google = ScriptedGoogle(granule=plan.granule, keeps=plan.keeps, trouble=next_trouble)
        self.pool = MemoryPool(is_empty=lambda need: plan.keyless and bool(need.project_id))
        self.budget = Budget(plan.room * plan.before)

        async def discard(upload: Upload, answer: Answer) -> None:
            raise AssertionError("nobody gives anything up here")

        safe = Safekeeping(self.keeper, self.store)
        opener = Opener(self.pool, self.google, self.store, safe, 3, timedelta(minutes=5))
        finisher = Finisher(self.store, self.pool, discard)
        sending = Sending(self.store, self.google, opener, safe, finisher, Patience(3))
        shares = Shares(self.budget, plan.part * plan.before)
        listening = Listening(idle_seconds=60, end_seconds=5)
        self.writing = Writing(sending, shares, listening, len(CONTENT))


class Client:
    """Follows a plan, and notes what it was told."""

    def __init__(self, world: World, *bearable: type[Exception], name: str = "u") -> None:
        self.world = world
        self.name = name
        self.bearable = (*BEARABLE, *bearable)
        self.content = CONTENT[: world.plan.size]
        self.most = 0

    async def begin(self) -> None:
        """Make the upload."""
        plan = self.world.plan
        size = plan.size if plan.declared else None
        order = UploadOrder("ada", "default", "upload/v1beta/files", b"", declared_size=size)
        await _insist(lambda: self.world.store.create(self.name, order, self.name))

    async def follow(self, steps: list[Step]) -> None:
        """Make writes until the upload has ended."""
        for step in steps:
            upload = await self._look()
            if upload.state is not UploadState.ACTIVE:
                return
            with contextlib.suppress(*self.bearable, asyncio.CancelledError):
                self._note(await self._write(upload, step))

    async def bring_home(self) -> Upload:
        """Send what is left until the upload has ended, and return it."""
        last = Step(self.world.plan.size, 0, [77], announce=False, cut_after=None)
        await self.follow([last] * 60)
        upload = await self._look()
        assert upload.state is not UploadState.ACTIVE
        return upload

    async def _look(self) -> Upload:
        upload = await _insist(lambda: self.world.store.read(self.name))
        assert upload is not None
        return self._note(upload)

    async def _write(self, upload: Upload, step: Step) -> Upload:
        at = max(0, upload.committed_size - step.overlap)
        end = min(len(self.content), max(at + step.length, upload.committed_size))
        finishes = end == len(self.content)
        order = WriteOrder(self.name, at)
        if step.announce:
            order = WriteOrder(self.name, at, length=end - at, finishes=finishes)
        left = asyncio.Event()
        frames = self._frames(at, end, step, left, finishes=finishes)
        write = asyncio.create_task(self.world.writing.write(order, frames))
        leaving = asyncio.create_task(left.wait())
        await asyncio.wait({write, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not write.done():
            write.cancel()
        leaving.cancel()
        return await write

    async def _frames(
        self, at: int, end: int, step: Step, left: asyncio.Event, *, finishes: bool
    ) -> AsyncIterator[memoryview | Finish]:
        sizes = itertools.cycle(step.frames)
        for number in itertools.count():
            if number == step.cut_after:
                left.set()
                await asyncio.Event().wait()
            if at == end:
                break
            frame = self.content[at : min(end, at + next(sizes))]
            at += len(frame)
            await asyncio.sleep(0)
            yield memoryview(frame)
        if finishes:
            yield Finish()

    def _note(self, upload: Upload) -> Upload:
        assert upload.committed_size >= self.most, "what was safe must stay safe"
        self.most = upload.committed_size
        return upload

    def check_at_rest(self) -> None:
        """Check what must hold while nobody writes."""
        assert self.world.budget.used == 0
        assert not self.world.pool.open
        assert self._safe()[: self.most] == self.content[: self.most]

    def _safe(self) -> bytes:
        """Return the bytes that lie at Google, and after those the tail."""
        google = self.world.google.sessions
        row = self.world.store.peek(self.name)
        there = bytes(google[row.session.target].content) if row.session else b""
        if row.state is UploadState.FINALIZED:
            return self.content
        return there[: row.offset] + self.world.store.tail_of(self.name)


async def _insist(call: Callable[[], Awaitable[T]]) -> T:
    while True:
        with contextlib.suppress(StoreUnavailableError):
            return await call()
