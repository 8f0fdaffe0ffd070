"""Erasures: asked for, and carried out."""
