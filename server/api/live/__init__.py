"""Live views: waiting for an execution, the growing ends of logs."""
