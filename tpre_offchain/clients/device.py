"""Devices: accounts that may only publish. A device holds no key that opens anything, not even its own records."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.clients.client import Client
from tpre_offchain.clients.publishing.publishing import Publisher
from tpre_offchain.clients.references import StreamRef, stream_id_of
from tpre_offchain.clients.results import PendingPublish, PublishedRecord
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.stopwatch import OnProgress, no_progress
from tpre_offchain.clients.stored.sources import Data, Item, Tags
from tpre_offchain.clients.verbs import verb


class Device(Client):
    """Publishes records to streams whose owner has named this account a publisher."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._publisher = Publisher(session)

    @verb
    async def publish(
        self,
        stream: StreamRef,
        data: Data,
        *,
        tags: Tags = "",
        name: str | None = None,
        media_type: str | None = None,
        on_progress: OnProgress = no_progress,
    ) -> PublishedRecord:
        """Encrypt data in constant memory, store it, and publish its record.

        ``data``: a path, bytes or an open binary file. Name and media type are sealed, ``tags`` (up to 256 bytes) are
        public. Raises ``PublishQueued`` where store or chain is away and the session has a state folder;
        ``ContractRevert`` (NotPublisher, UnknownStream), ``StoreFull``, ``SourceUnreadable``.
        """
        item = Item(data, name, media_type, tags)
        return (await self._publisher.publish(stream_id_of(stream), [item], on_progress))[0]

    @verb
    async def publish_batch(
        self, stream: StreamRef, items: Sequence[Item | Data], *, on_progress: OnProgress = no_progress
    ) -> list[PublishedRecord]:
        """Publish several records, up to 64 in one transaction. Raises what ``publish`` raises."""
        whole = [item if isinstance(item, Item) else Item(item) for item in items]
        return await self._publisher.publish(stream_id_of(stream), whole, on_progress)

    @verb
    async def publish_pending(self) -> list[PublishedRecord]:
        """Finish what an earlier publish left waiting. Raises ``PublishQueued`` if it cannot be done yet."""
        return await self._publisher.publish_pending()

    def pending(self) -> list[PendingPublish]:
        """What is waiting to be published, oldest first."""
        return self.session.queue.pending()
