"""Everything that the simulator knows: one place that a reset can make anew."""

from collections.abc import Callable
from dataclasses import dataclass

from services.simulator.caches import CacheShelf
from services.simulator.clock import Clock
from services.simulator.credentials import Credentials
from services.simulator.faults import FaultBook
from services.simulator.files import File, FileShelf, FileState
from services.simulator.ledger import Ledger
from services.simulator.live.desk import LiveDesk
from services.simulator.owned.batches import BatchDesk
from services.simulator.owned.interactions import InteractionDesk
from services.simulator.owned.stores import StoreDesk
from services.simulator.owned.tuned_models import TunedModels
from services.simulator.owned.videos import VideoDesk
from services.simulator.quota import Limits, Quotas, quota_error
from services.simulator.scripts import ScriptBook
from services.simulator.settings import SimulatorSettings
from services.simulator.uploads import UploadDesk


@dataclass(slots=True)
class Behaviour:
    """What may be changed while the simulator runs.

    Attributes:
        chunk_delay_seconds: Pause between two chunks of a stream.
        bind_signatures: Whether a signature is refused outside of the project it was issued to.
        free_tier: Whether refusals name quotas of the free tier.
        processing_seconds: How long a new file is worked on.
        processing_fails: Whether that fails in the end.
        job_seconds: How long batches, videos and interactions in the background take.
    """

    chunk_delay_seconds: float
    bind_signatures: bool
    free_tier: bool
    job_seconds: float = 0.0
    processing_seconds: float = 0.0
    processing_fails: bool = False


class World:
    """The state of the simulated Google."""

    def __init__(self, settings: SimulatorSettings, clock: Clock | None = None) -> None:
        """Begin as the settings say."""
        self.settings = settings
        self.clock = clock or Clock()
        self.reset()

    def reset(self) -> None:
        """Forget everything that happened and begin again."""
        settings = self.settings
        now: Callable[[], float] = self.clock.now
        self.clock.offset_seconds = 0.0
        self.credentials = Credentials(settings.simulator_keys)
        self.quotas = Quotas(
            Limits(
                rpm=settings.simulator_rpm,
                tpm=settings.simulator_tpm,
                rpd=settings.simulator_rpd,
                window=settings.simulator_window,
            ),
            now,
        )
        self.faults = FaultBook()
        self.scripts = ScriptBook()
        self.ledger = Ledger()
        self.files = FileShelf(now, self._state_of)
        self.caches = CacheShelf(now)
        self.stores = StoreDesk(now)
        self.uploads = UploadDesk(self.files, self.stores)
        self.batches = BatchDesk(now, self.files)
        self.videos = VideoDesk(now, self.files)
        self.tuned_models = TunedModels(now)
        self.interactions = InteractionDesk(now)
        self.live = LiveDesk(now)
        self.behaviour = Behaviour(
            chunk_delay_seconds=settings.simulator_chunk_delay_ms / 1000,
            bind_signatures=settings.simulator_bind_signatures,
            free_tier=settings.simulator_free_tier,
        )

    def _state_of(self, file: File) -> FileState:
        behaviour = self.behaviour
        if self.clock.now() < file.created + behaviour.processing_seconds:
            return "PROCESSING"
        return "FAILED" if behaviour.processing_fails else "ACTIVE"

    def charge(self, project: str, model: str, tokens: int) -> None:
        """Charge a request to the quotas of a project.

        Raises:
            ApiError: It would exceed one; then nothing is charged.
        """
        if violations := self.quotas.charge(project, model, tokens):
            raise quota_error(violations, model=model, is_free_tier=self.behaviour.free_tier)
