"""What is answered about bundles."""

from pydantic import BaseModel


class ImportAnswer(BaseModel):
    """An execution of another installation, brought here. `execution`: its id here; `source` and
    `cluster`: its id and installation there. `events`: how many were copied; `copied`: its log is
    complete (else it is being copied). `replayed`: this file came before."""

    execution: str
    source: str
    cluster: str
    events: int
    workflow: str
    version: str
    redacted: list[str]
    replayed: bool
    copied: bool
