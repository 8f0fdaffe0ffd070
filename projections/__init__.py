"""Read views derived from the log: pure functions of its events, a store, a runner that tails."""
