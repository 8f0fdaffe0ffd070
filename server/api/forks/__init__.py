"""Forks and redrives, of one execution and of many."""
