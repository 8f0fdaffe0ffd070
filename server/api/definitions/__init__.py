"""Definitions: their versions, statistics of what they ran, impact reports."""
