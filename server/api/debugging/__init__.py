"""Breakpoints, and executions that are held."""
