"""Postgres and NATS of our own, started and watched as child programs."""
