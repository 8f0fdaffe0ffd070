"""Crash tests: real processes killed at random instants, and a checker that reads the whole log."""
