"""Postgres, NATS and a worker of our own, started and watched as child programs.

For `refold up`, the demo and the tests. Production gives REFOLD_DATABASE_URL and REFOLD_NATS_URL
and nothing here runs.
"""

from server.embedded.nats import EmbeddedNats
from server.embedded.postgres import EmbeddedPostgres
from server.embedded.services import EmbeddedServices
from server.embedded.worker import EmbeddedWorker

__all__ = ["EmbeddedNats", "EmbeddedPostgres", "EmbeddedServices", "EmbeddedWorker"]
