"""The composition root: the one room that knows which adapter stands behind which port."""

from server.app.server import FINISH_S, Server

__all__ = ["FINISH_S", "Server"]
