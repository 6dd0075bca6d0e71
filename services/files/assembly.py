"""Puts the domain of the files service over its adapters."""

from dataclasses import dataclass
from datetime import timedelta

from services.files import metrics
from services.files.asking import Asking
from services.files.budget import Budget
from services.files.copying import Copier
from services.files.discarding import Discarder
from services.files.ensuring import Ensurer
from services.files.file_book import FileBook
from services.files.finishing import Finisher
from services.files.google.client import GoogleClient
from services.files.google.file_calls import FileCalls
from services.files.google.upload_wire import UploadWire
from services.files.keeping.keeper import PUTS, Keeper
from services.files.keeping.object_store import ObjectStore, ObjectStoreError, open_object_store
from services.files.kept_bytes import KeptFiles
from services.files.listening import Listening
from services.files.media import Media
from services.files.opening import Opener
from services.files.pool import GrpcKeyPool
from services.files.redis_answer_store import RedisAnswerStore
from services.files.redis_copy_store import RedisCopyStore
from services.files.redis_file_store import RedisFileStore
from services.files.redis_kept_store import RedisKeptStore
from services.files.redis_media_store import RedisMediaStore
from services.files.redis_upload_store import RedisUploadStore
from services.files.safekeeping import Safekeeping
from services.files.sender import Sending
from services.files.servicer import Parts
from services.files.settings import FilesSettings
from services.files.shares import Shares
from services.files.sweeping import KeptSweeper, Sweep
from services.files.transfer import Patience
from services.files.upload_desk import UploadDesk
from services.files.uploads import GRANULE
from services.files.writing import Writing
from services.kit.redis_scripts import RedisPort
from services.kit.settings import UnusableSettingError
from services.kit.vault import Vault

_LONGEST_END = 5.0
"""So many seconds a writer may take to the next boundary when the service ends."""

_SHARE_OF_READERS = 4
"""Whoever downloads slowly holds memory, but none that uploads need."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out of the service.

    Attributes:
        redis: To Redis.
        pool: To the key pool.
        google: To Google.
        objects: To the store of bytes, None when there is none.
    """

    redis: RedisPort
    pool: GrpcKeyPool
    google: GoogleClient
    objects: ObjectStore | None


@dataclass(frozen=True, slots=True)
class Assembly:
    """The domain.

    Attributes:
        parts: What the calls work with.
        listening: Is told when the service ends.
        sweeps: What is to be done now and then.
    """

    parts: Parts
    listening: Listening
    sweeps: tuple[Sweep, ...]


async def open_objects(url: str) -> ObjectStore | None:
    """Return the store of bytes, None when none is wanted.

    Raises:
        UnusableSettingError: It cannot be used.
    """
    if not url:
        return None
    try:
        return await open_object_store(url)
    except ObjectStoreError as error:
        raise UnusableSettingError("FILES_STORE_URL", f"cannot be used: {error}") from error


def assemble(settings: FilesSettings, ways: Ways) -> Assembly:
    """Return the domain over its adapters."""
    vault = Vault(settings.encryption_key.get_secret_value())
    keeper = Keeper(ways.objects, vault) if ways.objects else None
    uploads = RedisUploadStore(
        ways.redis,
        vault,
        lives=timedelta(hours=settings.files_upload_ttl_hours),
        tail_bytes=settings.files_tail_bytes,
        client_tail_bytes=settings.files_client_tail_bytes,
        client_uploads=settings.files_client_uploads,
    )
    files = RedisFileStore(ways.redis)
    wire, calls = UploadWire(ways.google), FileCalls(ways.google)
    safekeeping = Safekeeping(keeper, uploads)
    opener = Opener(
        ways.pool,
        wire,
        uploads,
        safekeeping,
        max_retries=settings.max_retries,
        lifetime=timedelta(seconds=settings.files_lease_seconds),
    )
    # Parts that are being put into the store of bytes are on their way too.
    sealed = PUTS * GRANULE if keeper else 0
    budget = Budget(max(2 * GRANULE, settings.files_buffer_bytes - sealed))
    metrics.BUFFERED.set_function(lambda: budget.used)
    patience = Patience(settings.files_upstream_seconds)
    isolated = settings.files_user_isolation_enabled
    asking = Asking(ways.pool, settings.max_retries)
    discard = Discarder(asking, calls).discard
    desk = UploadDesk(
        uploads,
        ways.pool,
        wire,
        discard,
        largest_file=settings.files_max_bytes,
        is_isolated=isolated,
    )
    sweeps: list[Sweep] = [desk.sweep]
    kept, copier = None, None
    if keeper is not None:
        sweeps.append(KeptSweeper(RedisKeptStore(ways.redis), keeper).sweep)
        kept = KeptFiles(keeper, Budget(settings.files_buffer_bytes // _SHARE_OF_READERS))
        copier = Copier(
            keeper,
            opener,
            wire,
            calls,
            budget,
            patience,
            processing_seconds=settings.files_processing_seconds,
        )
    book = FileBook(files, ways.pool, calls, asking, kept, is_isolated=isolated)
    finisher = Finisher(uploads, ways.pool, discard)
    listening = Listening(
        idle_seconds=settings.files_idle_seconds,
        end_seconds=min(_LONGEST_END, settings.drain_seconds / 2),
    )
    writing = Writing(
        Sending(uploads, wire, opener, safekeeping, finisher, patience),
        Shares(budget, settings.files_client_buffer_bytes),
        listening,
        largest_file=settings.files_max_bytes,
    )
    lives = timedelta(hours=settings.files_media_hours)
    media = Media(
        RedisMediaStore(ways.redis, lives=lives, max_bytes=settings.files_media_bytes),
        keeper,
        lives=lives,
    )
    ensurer = Ensurer(book, RedisCopyStore(ways.redis), copier)
    answers = RedisAnswerStore(
        ways.redis,
        vault,
        lives=timedelta(hours=settings.files_answers_hours),
        max_bytes=settings.files_answers_bytes,
        client_bytes=settings.files_client_answers_bytes,
    )
    parts = Parts(desk, writing, book, files, ensurer, media, answers)
    return Assembly(parts, listening, tuple(sweeps))
