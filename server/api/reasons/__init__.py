"""Why an execution does not move: from what was gathered to sentences and facts. No question is
asked of any service here."""
