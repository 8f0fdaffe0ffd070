"""What the API asks of the read tables: one file for each subject."""
