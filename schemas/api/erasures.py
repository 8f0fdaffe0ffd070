"""Erasing data, and how a namespace encrypts: what is asked, what is answered."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from schemas.api.requests import Request

EncryptionMode = Literal["off", "execution", "subject"]
Reason = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class EraseData(Request):
    """Erase the data of one execution, or of all executions of a data subject. `dry_run`: only
    count. `cancel`: cancel first what still runs. `with_others`: the execution shares its key, and
    what the key seals is erased with it. `reason` is kept in the audit stream: it must not hold
    what is to be erased."""

    execution: str | None = Field(default=None, max_length=64)
    subject: Subject | None = None
    dry_run: bool = False
    cancel: bool = False
    with_others: bool = False
    reason: Reason = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> "EraseData":
        if (self.execution is None) == (self.subject is None):
            raise ValueError("name an execution or a subject, one of them")
        return self


class ErasureExtent(BaseModel):
    """What one key seals: so much would be erased. `running` of the executions have not ended;
    `cloudevents` that they took lose all but id and source."""

    key: str
    executions: int
    running: int
    events: int
    cloudevents: int
    snapshots: int


class Erasure(BaseModel):
    """An erasure. `target`: the execution, or the key where it is all of a data subject. `done`:
    the key is deleted, and counts are there; until then it is carried on, also after a crash."""

    id: str
    key: str
    target: str
    state: Literal["under_way", "done"]
    cancel: bool
    actor: str
    reason: str
    asked_at: str
    done_at: str | None
    executions: int | None
    cloudevents: int | None


class ErasurePage(BaseModel):
    """Erasures, the newest first."""

    items: list[Erasure]
    next: str | None = None


class SetEncryption(Request):
    """`execution`: a key for each; `subject`: one for all executions of a data subject, which the
    definition's metadata `refold/dataSubject` names. For executions that begin from then on."""

    encryption: EncryptionMode
    reason: Reason = ""


class Encryption(BaseModel):
    """How a namespace encrypts, since when (null: it never did). `changed`: by this request."""

    namespace: str
    encryption: EncryptionMode
    since: str | None
    changed: bool = False
