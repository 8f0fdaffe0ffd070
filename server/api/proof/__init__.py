"""Who did what, and the proof of it: audit, heads, verification, export."""
