"""What a definition says about itself: identity, versions, and the hash of its content."""

import hashlib
import re
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.shape import members_at
from engine.dialects.source import escape
from schemas.dsl.cncf_v08 import Workflow
from schemas.json_text import write_unknown

_SPEC_VERSION: Final = re.compile(r"v?0\.8(\.\w+)?")
_canonical = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


def check(workflow: Workflow, value: dict[str, Any], findings: Findings) -> None:
    """The members at the top of the document."""
    _check_identity(workflow, findings, given="id" in value or "key" in value)
    _check_spec_version(workflow, value, findings)
    if workflow.version is None and "version" not in value:
        message = "there is no `version`; a part of the content's hash is taken"
        findings.warn("definition.relaxed.version", "", message)
    _check_unknown(value, findings)


def _check_identity(workflow: Workflow, findings: Findings, *, given: bool) -> None:
    name = workflow.id or workflow.key
    pointer = "/id" if workflow.id else "/key"
    if workflow.id is not None and workflow.key is not None:
        message = "both `id` and `key` are given; remove one of them"
        findings.error("definition.id.both", "/key", message)
    elif name is None:
        if not given:
            message = "`id` is missing; give the workflow a name that is unique"
            findings.error("definition.shape.required", "", message)
    elif "${" in name:
        message = "the name of a workflow is fixed and cannot be an expression"
        findings.error("definition.id.expression", pointer, message)
    elif name != name.strip() or "/" in name or not name.isprintable():
        message = f"{name!r:.60} is in addresses of this workflow; leave out / and outer blanks"
        findings.error("definition.id.characters", pointer, message)


def _check_spec_version(workflow: Workflow, value: dict[str, Any], findings: Findings) -> None:
    given = workflow.spec_version
    if given is None and "specVersion" not in value:
        message = 'there is no `specVersion`; "0.8" is taken'
        findings.warn("definition.relaxed.spec_version", "", message)
    elif given is not None and not _SPEC_VERSION.fullmatch(given):
        message = f'specVersion {given!r:.40} is not read; this is the reader of "0.8"'
        findings.error("definition.spec_version", "/specVersion", message)


def _check_unknown(value: dict[str, Any], findings: Findings) -> None:
    """Members that the specification does not know are allowed here; misspelled ones are told."""
    known = members_at(())
    for key in value:
        if key in known:
            continue
        if near := get_close_matches(key, known, n=1, cutoff=0.8):
            message = f"`{key:.60}` has no meaning here; did you mean `{near[0]}`?"
            findings.warn("definition.shape.unknown_member", f"/{escape(key)}", message)


def hash_of(value: Any, resources: dict[str, Any]) -> str:
    """sha256 (hex) of the content: the definition and the documents it uses, members sorted. The
    same for the YAML and the JSON form, whatever blanks and comments there are."""
    content = {"definition": value, "resources": resources}
    return hashlib.sha256(_canonical.encode(content)).hexdigest()
