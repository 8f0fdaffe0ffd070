"""What leaves an installation as a file: records of lines, documented in docs/export-format.md."""
