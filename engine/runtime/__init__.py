"""Orchestration over the ports: shards, commits, timers, dispatch of effects, matching."""
