"""One file for each type of state: from the definition to the nodes inside the state's scope."""
