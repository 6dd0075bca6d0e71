"""What the routes work with, built once when the edge starts."""

from dataclasses import dataclass, field

from services.edge.calls import Call
from services.edge.clients import Clients
from services.edge.conversations import Conversations
from services.edge.drain import Drain
from services.edge.failover import Attempts, Sender
from services.edge.fetching.fetcher import Fetcher
from services.edge.files import Files
from services.edge.hosted_media import HostedMedia
from services.edge.kept_answers import KeptAnswers
from services.edge.key_search import KeySearch
from services.edge.leasing.desk import LeaseDesk
from services.edge.models.models import Models
from services.edge.resources.access import Access
from services.edge.resources.bringing import Bringing
from services.edge.resources.registry import Registry
from services.edge.settings import EdgeSettings
from services.edge.upstream import Upstream


@dataclass(slots=True)
class Runtime:
    """The parts that routes share.

    Attributes:
        settings: Replaced as a whole when some change, so routes read them when they need them.
    """

    settings: EdgeSettings
    clients: Clients
    desk: LeaseDesk
    upstream: Upstream
    drain: Drain
    files: Files | None
    registry: Registry
    access: Access
    bringing: Bringing
    fetcher: Fetcher | None
    media: HostedMedia | None
    answers: KeptAnswers | None
    models: Models
    conversations: Conversations = field(default_factory=Conversations)

    def attempts(self, call: Call, sender: Sender | None = None) -> Attempts:
        """Return the tries of a call, sent over HTTP unless a sender is given.

        Raises:
            ApiError: 404 when its model is kept back.
        """
        self.models.choices.check_offered(call.need.model)
        upstream = sender or self.upstream
        return Attempts(call, self._search, self.desk, upstream, self.settings.max_retries)

    def _search(self, call: Call) -> KeySearch:
        return KeySearch(call, self.desk, self.bringing, self.conversations)
