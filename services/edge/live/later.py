"""Messages of a client after the setup: what they cite must be its own, and within reach."""

from services.edge.errors import ApiError
from services.edge.leasing.lease import Need
from services.edge.live.messages import Message, names_something, read_later, written
from services.edge.resources.access import Access
from services.edge.resources.citations import read_citations


class LaterMessages:
    """Looks at the messages of one session."""

    def __init__(self, access: Access, need: Need, project_id: str) -> None:
        """Take who knows what belongs to whom, and where the session is."""
        self._access = access
        self._need = need
        self._project_id = project_id

    async def checked(self, message: Message) -> Message:
        """Return a message as it may be sent: as it came, unless it may name something.

        Raises:
            ApiError: It names what is not the client's, or lies in another project; or it is a
                second setup.
        """
        if not names_something(message):
            return message
        parsed = read_later(message)
        body = message.encode() if isinstance(message, str) else message
        citations = read_citations(body, parsed)
        for binding in await self._access.resolve(self._need, citations.names):
            if binding.project_id != self._project_id:
                raise ApiError(
                    400,
                    f"{binding.name} lies in another upstream project than this session.",
                    code="resources_split",
                    google_status="FAILED_PRECONDITION",
                )
        return written(message, citations.body)
