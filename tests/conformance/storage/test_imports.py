"""Imports are staged page by page, accepted once, forgotten when they are copied; definitions that
they bring are kept without being activated."""

import pytest
from msgspec.structs import replace

from engine.model.errors import Conflict, NotFound
from engine.model.ids import shard_of
from engine.ports.audit import IMPORTED
from engine.ports.imports import AcceptedImport
from engine.ports.rows import DefinitionRow
from tests.conformance.storage.builders import NAMESPACE, SHARD


async def wanted(storage, key="import:1", request=b"request"):
    (execution,) = await storage.inbox.mint(SHARD, 1)
    return AcceptedImport(
        namespace=NAMESPACE, workflow="order", key=key, execution=execution, body=b"import",
        request_hash=request, actor="tester",
    )  # fmt: skip


async def test_pages_are_found_by_their_first_row_until_they_are_dropped(storage):
    one, other = (await wanted(storage)).execution, (await wanted(storage)).execution
    await storage.imports.stage(NAMESPACE, one, 1, b"first")
    await storage.imports.stage(NAMESPACE, one, 1_001, b"second")
    await storage.imports.stage(NAMESPACE, other, 1, b"another")
    assert await storage.imports.page(one, 1) == b"first"
    assert await storage.imports.page(one, 1_001) == b"second"
    assert await storage.imports.page(one, 2) is None
    await storage.imports.drop(one)
    assert await storage.imports.page(one, 1) is None
    assert await storage.imports.page(other, 1) == b"another"


async def test_a_page_that_is_staged_again_stays_as_it_is(storage):
    one = (await wanted(storage)).execution
    await storage.imports.stage(NAMESPACE, one, 1, b"first")
    await storage.imports.stage(NAMESPACE, one, 1, b"again")
    assert await storage.imports.page(one, 1) == b"first"


async def test_an_import_lies_in_the_inbox_of_its_shard_once_for_its_key(storage):
    first, again = await wanted(storage), await wanted(storage)
    assert await storage.imports.accept(first) == (first.execution, False)
    assert await storage.imports.accept(again) == (first.execution, True)
    [row] = await storage.inbox.read([shard_of(first.execution)], [], 10)
    assert (row.kind, row.execution_id, row.body) == ("import", first.execution, b"import")
    assert (row.namespace, row.position, row.actor) == (NAMESPACE, 0, "tester")
    assert await storage.inbox.is_accepted(NAMESPACE, first.execution)
    assert not await storage.inbox.is_accepted(NAMESPACE, again.execution)
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "import:1") == first.execution


async def test_the_same_key_with_another_request_is_a_conflict(storage):
    await storage.imports.accept(await wanted(storage))
    with pytest.raises(Conflict, match="import:1"):
        await storage.imports.accept(await wanted(storage, request=b"another"))


def definition(version="1", definition_hash="aa", source=b"text"):
    return DefinitionRow(
        NAMESPACE, "order", version, definition_hash, "cncf-0.8", "application/yaml", source,
        {"file:doc": b"document"}, 0, "tester", True,
    )  # fmt: skip


async def test_a_definition_is_kept_inactive_and_that_is_recorded(storage):
    assert await storage.definitions.keep(definition())
    kept = await storage.definitions.by_hash(NAMESPACE, "aa")
    assert (kept.version, kept.active, kept.resources) == ("1", False, {"file:doc": b"document"})
    with pytest.raises(NotFound):
        await storage.definitions.get(NAMESPACE, "order", None)
    [entry] = await storage.audit.read(NAMESPACE, 0, 10)
    assert (entry.action, entry.target, entry.actor) == (IMPORTED, "order@1", "tester")
    assert not await storage.definitions.keep(definition("2"))
    assert len(await storage.audit.read(NAMESPACE, 0, 10)) == 1


async def test_keeping_changes_nothing_of_what_is_active(storage):
    await storage.definitions.apply(definition(), (), None)
    assert not await storage.definitions.keep(definition())
    assert await storage.definitions.keep(definition("2", "bb"))
    assert (await storage.definitions.get(NAMESPACE, "order", None)).version == "1"


async def test_a_version_with_other_content_is_a_conflict(storage):
    await storage.definitions.keep(definition())
    with pytest.raises(Conflict):
        await storage.definitions.keep(definition("1", "bb", b"other"))
    assert await storage.definitions.keep(
        replace(definition("1", "bb", b"other"), version="1+import.bb")
    )


async def test_a_kept_version_can_be_activated_later(storage):
    await storage.definitions.keep(definition())
    assert await storage.definitions.apply(definition(), (), None)
    assert (await storage.definitions.get(NAMESPACE, "order", None)).active
