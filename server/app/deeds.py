"""What is done with a login of the database instead of an API key is in the audit, too."""

from typing import Any

from engine.adapters.postgres.audit import PostgresAudit
from engine.adapters.postgres.pool import Database
from engine.ports.audit import INSTALLATION, Deed
from schemas.events.parts import Asked


async def record(
    database: Database, action: str, target: str, reason: str, told: dict[str, Any]
) -> None:
    """Note in the audit of the installation what was done; the actor is `database:LOGIN`. Raises
    Unavailable."""
    actor = f"database:{await database.value('SELECT session_user')}"
    asked = Asked(origin="refold admin", reason=reason)
    await PostgresAudit(database).record(Deed(INSTALLATION, actor, action, target, asked, told))
