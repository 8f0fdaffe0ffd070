"""The pure heart: decide (the future), evolve (the past), step (both), replay and matching."""
