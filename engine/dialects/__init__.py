"""Definition languages: each compiles its text to a program of engine.model."""
