"""The only doors to the world; each implements ports of engine.ports."""
