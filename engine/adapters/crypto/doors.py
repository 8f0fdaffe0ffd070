"""Inbox, imports and streams of namespaces that encrypt: bodies are sealed where they lie.

These have the namespace's own key: whose data a CloudEvent is, is not known before somebody takes
it. What is erased of them is erased by `engine.ports.erasures`, not by deleting that key.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.crypto.at_rest import keys_of_texts, open_if_possible, open_text, seal_text
from engine.adapters.crypto.keychain import KeyChain
from engine.ports.imports import AcceptedImport, Imports
from engine.ports.rows import (
    AcceptedFork,
    DeadLetter,
    InboxRow,
    IngestRow,
    Match,
    Receipt,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)
from engine.ports.storage import Inbox, Streams

INBOX: Final = "inbox"
ATTRIBUTES: Final = "cloudevent attributes"
BODY: Final = "cloudevent body"
LETTER_HEADERS: Final = "dead letter headers"
LETTER: Final = "dead letter"
PAGE: Final = "page of an import"


class SealingInbox:
    """Implements `engine.ports.storage.Inbox` over another."""

    def __init__(self, inbox: Inbox, keys: KeyChain) -> None:
        self._inbox = inbox
        self._keys = keys

    async def accept_start(
        self,
        namespace: str,
        workflow: str,
        keys: Sequence[str],
        shard: int,
        request_hash: bytes,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> tuple[UUID, bool]:
        cipher = await self._keys.of_namespace(namespace)
        if cipher is not None:
            body = seal_text(cipher, body, INBOX)
            request_hash = cipher.salt(request_hash)  # what was asked cannot be guessed from it
        return await self._inbox.accept_start(
            namespace, workflow, keys, shard, request_hash, body, actor, traceparent
        )

    async def accept_fork(self, fork: AcceptedFork) -> tuple[UUID, bool]:
        cipher = await self._keys.of_namespace(fork.namespace)
        if cipher is not None:
            fork = replace(
                fork,
                body=seal_text(cipher, fork.body, INBOX),
                note=seal_text(cipher, fork.note, INBOX),
                request_hash=cipher.salt(fork.request_hash),
            )
        return await self._inbox.accept_fork(fork)

    async def put(
        self,
        kind: str,
        execution_id: UUID,
        namespace: str,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> None:
        sealed = seal_text(await self._keys.of_namespace(namespace), body, INBOX)
        await self._inbox.put(kind, execution_id, namespace, sealed, actor, traceparent)

    async def read(
        self, shards: Sequence[int], excluded: Sequence[int], limit: int
    ) -> list[InboxRow]:
        return await opened_inbox(await self._inbox.read(shards, excluded, limit), self._keys)

    async def mint(self, shard: int, count: int) -> list[UUID]:
        return await self._inbox.mint(shard, count)

    async def is_accepted(self, namespace: str, execution_id: UUID) -> bool:
        return await self._inbox.is_accepted(namespace, execution_id)


class SealingStreams:
    """Implements `engine.ports.storage.Streams` over another. Id, source, type, the keys it is
    found under and the digest of a CloudEvent stay as they are."""

    def __init__(self, streams: Streams, keys: KeyChain) -> None:
        self._streams = streams
        self._keys = keys

    async def ingest(self, namespace: str, rows: Sequence[IngestRow]) -> list[Receipt]:
        cipher = await self._keys.of_namespace(namespace)
        if cipher is not None:
            rows = [
                replace(
                    row,
                    attributes=seal_text(cipher, row.attributes, ATTRIBUTES),
                    body=seal_text(cipher, row.body, BODY),
                )
                for row in rows
            ]
        return await self._streams.ingest(namespace, rows)

    async def head(self, namespace: str, *, settled: bool = False) -> int:
        return await self._streams.head(namespace, settled=settled)

    async def read(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        key: bytes | None = None,
        limit: int = 200,
    ) -> list[StreamEvent]:
        found = await self._streams.read(namespace, types, after, upto, key, limit)
        return await opened_events(found, self._keys)

    async def matched(self, namespace: str) -> int:
        return await self._streams.matched(namespace)

    async def namespaces(self, shards: Sequence[int]) -> list[str]:
        return await self._streams.namespaces(shards)

    async def triggers(self, namespace: str) -> list[TriggerRow]:
        return await self._streams.triggers(namespace)

    async def subscribers(
        self, namespace: str, types: Sequence[str], keys: Sequence[bytes]
    ) -> list[SubscriptionRow]:
        return await self._streams.subscribers(namespace, types, keys)

    async def advance(
        self,
        shard: int,
        epoch: int,
        namespace: str,
        expected: int,
        to: int,
        matches: Sequence[Match],
    ) -> None:
        await self._streams.advance(shard, epoch, namespace, expected, to, matches)

    async def dead_letter(
        self, namespace: str, origin: str, code: str, reason: str, headers: bytes, body: bytes
    ) -> None:
        cipher = await self._keys.of_namespace(namespace)
        await self._streams.dead_letter(
            namespace, origin, code, reason, seal_text(cipher, headers, LETTER_HEADERS),
            seal_text(cipher, body, LETTER),
        )  # fmt: skip

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetter]:
        found = await self._streams.dead_letters(namespace, after, limit)
        return await opened_letters(found, self._keys)


async def opened_inbox(rows: list[InboxRow], keys: KeyChain) -> list[InboxRow]:
    """The rows with their bodies in the clear; one that does not open is left to fail alone."""
    wanted = keys_of_texts(row.body for row in rows)
    if not wanted:
        return rows
    ciphers = await keys.ciphers_here(wanted)
    return [replace(row, body=open_if_possible(ciphers, row.body, INBOX)) for row in rows]


async def opened_events(rows: list[StreamEvent], keys: KeyChain) -> list[StreamEvent]:
    """The CloudEvents in the clear; one that does not open stays as it is."""
    wanted = keys_of_texts(row.body for row in rows)
    if not wanted:
        return rows
    ciphers = await keys.ciphers(wanted)
    return [
        replace(
            row,
            attributes=open_if_possible(ciphers, row.attributes, ATTRIBUTES),
            body=open_if_possible(ciphers, row.body, BODY),
        )
        for row in rows
    ]


async def opened_letters(rows: list[DeadLetter], keys: KeyChain) -> list[DeadLetter]:
    """The dead letters in the clear."""
    wanted = keys_of_texts(row.body for row in rows)
    if not wanted:
        return rows
    ciphers = await keys.ciphers(wanted)
    return [
        replace(
            row,
            headers=open_if_possible(ciphers, row.headers, LETTER_HEADERS),
            body=open_if_possible(ciphers, row.body, LETTER),
        )
        for row in rows
    ]


class SealingImports:
    """Implements `engine.ports.imports.Imports` over another."""

    def __init__(self, imports: Imports, keys: KeyChain) -> None:
        self._imports = imports
        self._keys = keys

    async def stage(self, namespace: str, execution_id: UUID, first: int, page: bytes) -> None:
        sealed = seal_text(await self._keys.of_namespace(namespace), page, PAGE)
        await self._imports.stage(namespace, execution_id, first, sealed)

    async def page(self, execution_id: UUID, seq: int) -> bytes | None:
        found = await self._imports.page(execution_id, seq)
        if found is None:
            return None
        return open_text(await self._keys.ciphers(keys_of_texts([found])), found, PAGE)

    async def accept(self, wanted: AcceptedImport) -> tuple[UUID, bool]:
        cipher = await self._keys.of_namespace(wanted.namespace)
        if cipher is not None:
            wanted = replace(
                wanted,
                body=seal_text(cipher, wanted.body, INBOX),
                request_hash=cipher.salt(wanted.request_hash),
            )
        return await self._imports.accept(wanted)

    async def drop(self, execution_id: UUID) -> None:
        await self._imports.drop(execution_id)
