"""libjq behind a pipe: killable worker processes for expressions that are not compiled here."""

from engine.adapters.jq.pool import JqPool

__all__ = ["JqPool"]
