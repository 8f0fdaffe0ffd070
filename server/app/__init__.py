"""The composition root: the one room that knows which adapter stands behind which port."""

from server.app.server import Server

__all__ = ["Server"]
