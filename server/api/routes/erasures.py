"""Routes that erase data, and that switch a namespace's encryption."""

from schemas.api import erasures as answers
from server.api.door.route import JSON, NAMESPACE_PREFIX, Route, json_answer
from server.api.erasures import asking
from server.api.routes.parameters import CURSOR, LIMIT

_ENCRYPTION = f"{NAMESPACE_PREFIX}/settings/encryption"

ERASURES: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/erasures",
        "eraseData",
        "Erase the data of an execution or of a data subject, by deleting its key.",
        asking.erase,
        {
            200: json_answer("A dry run: so much would be erased.", answers.ErasureExtent),
            202: json_answer("It will be erased, whatever dies meanwhile.", answers.Erasure),
        },
        body={JSON: answers.EraseData},
        problems=(
            "not_found",
            "id.malformed",
            "execution.erased",
            "erasure.not_sealed",
            "erasure.running",
            "erasure.shared",
            "key.missing",
        ),
        time_limit_s=300.0,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/erasures",
        "listErasures",
        "Erasures, the newest first.",
        asking.index,
        {200: json_answer("A page.", answers.ErasurePage)},
        query=(LIMIT, CURSOR),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/erasures/{{erasure}}",
        "getErasure",
        "An erasure, and whether it is done.",
        asking.show,
        {200: json_answer("The erasure.", answers.Erasure)},
        problems=("not_found", "id.malformed"),
    ),
    Route(
        "GET",
        _ENCRYPTION,
        "getEncryption",
        "How the namespace encrypts.",
        asking.encryption,
        {200: json_answer("The setting.", answers.Encryption)},
    ),
    Route(
        "POST",
        _ENCRYPTION,
        "setEncryption",
        "Switch the namespace's encryption, for executions that begin from now on.",
        asking.set_encryption,
        {200: json_answer("It is switched.", answers.Encryption)},
        body={JSON: answers.SetEncryption},
        problems=("key.missing",),
    ),
)
