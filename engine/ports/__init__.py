"""What the runtime needs of the world, as Protocols over plain values; each has a memory twin."""
