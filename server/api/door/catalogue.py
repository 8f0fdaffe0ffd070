"""Every problem the API answers with: status, title, what to do. Codes never change.

`/errors/{code}` shows them; docs/errors.md lists them; a test holds the two together.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemKind:
    """`retryable`: the very same request may succeed later."""

    status: int
    title: str
    advice: str
    retryable: bool = False


PROBLEMS: dict[str, ProblemKind] = {
    "auth.required": ProblemKind(
        401, "An API key is needed", "Send `Authorization: Bearer KEY` with a key of this server."
    ),
    "auth.host_refused": ProblemKind(
        403,
        "This name of the server is not trusted",
        "Without API keys only loopback names (localhost, 127.0.0.1, [::1]) are answered, so that"
        " no web page can reach the server under a name of its own. Use one of them, or set keys.",
    ),
    "route.unknown": ProblemKind(
        404, "No such path", "See /openapi.json for all paths; they begin with /v1/namespaces/NS."
    ),
    "method.not_allowed": ProblemKind(
        405, "The path exists, the method does not", "Use one of the methods in the Allow header."
    ),
    "request.malformed": ProblemKind(
        400, "The HTTP message is malformed", "Send a well-formed HTTP/1.1 request."
    ),
    "request.timeout": ProblemKind(
        408, "The request took too long to arrive", "Send the body faster, or a smaller one.", True
    ),
    "request.too_slow": ProblemKind(
        503,
        "The answer took too long",
        "Try again later, or ask for less. What was asked may have been done: ask for it.",
        True,
    ),
    "body.too_large": ProblemKind(
        413,
        "The body is too large",
        "Send at most REFOLD_MAX_BODY_BYTES; keep large data elsewhere and send its address.",
    ),
    "body.encoded": ProblemKind(
        415, "Compressed bodies are not taken", "Send the body without Content-Encoding."
    ),
    "body.media_type": ProblemKind(
        415, "The media type is not taken here", "Send one of the media types that `detail` names."
    ),
    "body.malformed": ProblemKind(
        400, "The body is not JSON", "Correct the place that `errors` names and send it again."
    ),
    "body.invalid": ProblemKind(
        400, "The body does not have the right shape", "Correct what `errors` names."
    ),
    "query.unknown": ProblemKind(
        400, "A query parameter is not known", "Remove it; `detail` names those that are known."
    ),
    "query.invalid": ProblemKind(
        400, "A query parameter has a bad value", "Correct the value that `detail` names."
    ),
    "header.invalid": ProblemKind(
        400, "A header has a bad value", "Correct the header that `detail` names."
    ),
    "namespace.malformed": ProblemKind(
        400,
        "Not a name for a namespace",
        "Use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit.",
    ),
    "path.malformed": ProblemKind(
        400,
        "Not a path into data",
        'Write .name, [0] or ["any name"] one after the other, or a JSON pointer such as /a/0.',
    ),
    "id.malformed": ProblemKind(404, "Not an id", "Copy the id from a list or an answer."),
    "not_found": ProblemKind(
        404, "It does not exist in this namespace", "Check the name and the namespace."
    ),
    "conflict": ProblemKind(
        409, "It exists with other content", "Choose another id, version or key, or send the same."
    ),
    "definition.invalid": ProblemKind(
        422, "The definition has faults", "Correct every fault that `errors` names."
    ),
    "idempotency.mismatch": ProblemKind(
        422,
        "The key or name came before with another request",
        "Use a new Idempotency-Key or name for a new request, or send the same body again.",
    ),
    "execution.closed": ProblemKind(
        409, "The execution has ended", "Nothing can be asked of it any more; start another."
    ),
    "execution.imported": ProblemKind(
        409,
        "The execution is a copy of another installation's",
        "It never goes on here: ask it anything, and fork it (`refold exec fork`) to go on.",
    ),
    "execution.not_failed": ProblemKind(
        409,
        "The execution has not failed",
        "Only what failed or was cancelled is tried again; fork it at an event of your choice.",
    ),
    "execution.redriven": ProblemKind(
        409,
        "It was tried again already",
        "`detail` names the execution that tries it: see how that went, redrive that if it failed."
        " Ask with `again` to call the actions once more from here. In bulk it is left out.",
    ),
    "bulk.too_many": ProblemKind(
        422, "The filter names very many executions", "Narrow it, or say how many with `limit`."
    ),
    "fork.invalid": ProblemKind(
        422, "The fork does not fit the execution", "Correct the member that `errors` names."
    ),
    "fork.not_here": ProblemKind(
        409, "Nothing goes on from there", "Take the event that `detail` says, or an earlier one."
    ),
    "fork.too_long": ProblemKind(
        413, "Too many events would be copied", "Fork at an earlier event, or begin anew at 0."
    ),
    "fork.incompatible": ProblemKind(
        409,
        "The version cannot go on from there",
        "`detail` names what it lacks. Fork before that was entered, or under another version.",
    ),
    "patch.malformed": ProblemKind(
        422, "Not a JSON Patch", "Send a list of operations as RFC 6902 has it; see `errors`."
    ),
    "patch.no_target": ProblemKind(
        422, "A path of the patch leads nowhere", "Look at the data there with `exec at`."
    ),
    "patch.test_failed": ProblemKind(
        422, "A `test` of the patch does not hold", "The data is another than you thought."
    ),
    "patch.too_large": ProblemKind(
        413, "The patch is too large", "Send fewer operations, or smaller values."
    ),
    "execution.suspended": ProblemKind(
        409, "The execution is held already", "Resume it, step it, or cancel it."
    ),
    "execution.not_suspended": ProblemKind(
        409, "The execution is not held", "It goes on by itself; pause it first to step it."
    ),
    "execution.not_started": ProblemKind(
        409, "The execution has not begun", "It waits for the CloudEvents that start it."
    ),
    "breakpoint.invalid": ProblemKind(
        422, "The breakpoint names what cannot be", "Correct what `errors` names."
    ),
    "breakpoint.too_many": ProblemKind(
        409, "Too many breakpoints are armed", "Remove some: each is looked at before every state."
    ),
    "callback.unknown": ProblemKind(
        404, "The callback token is not known", "Copy the whole token; tokens are not guessable."
    ),
    "callback.not_open": ProblemKind(
        409, "Nobody waits for this callback", "Its state was left already: answered or timed out."
    ),
    "cloudevent.malformed": ProblemKind(
        400, "Not a CloudEvent 1.0", "Correct what `errors` names. Nothing was stored."
    ),
    "cloudevent.conflict": ProblemKind(
        409,
        "The same source and id came with other content",
        "Give another event another id. The first one stays as it is.",
    ),
    "execution.erased": ProblemKind(
        410,
        "The data was erased",
        "Nobody can read it again. The events without their data, the proof of their chain and who"
        " erased them are still there: `exec events`, `exec verify`, `admin erasures`.",
    ),
    "data.sealed": ProblemKind(
        500,
        "Sealed data does not open",
        "It was changed in the database. Verify the execution: the answer names the event.",
    ),
    "key.missing": ProblemKind(
        409,
        "A master key is not here",
        "Start the servers with REFOLD_MASTER_KEY_FILE, with the key that `detail` names in it.",
    ),
    "erasure.not_sealed": ProblemKind(
        409,
        "There is nothing that a deleted key would erase",
        "Only what began while its namespace encrypted can be erased; the log keeps the rest until"
        " its retention ends.",
    ),
    "erasure.running": ProblemKind(
        409,
        "Executions that run cannot be erased",
        "Wait until they end, cancel them, or ask with `cancel`, which cancels them first.",
    ),
    "erasure.shared": ProblemKind(
        409,
        "The execution shares its key with others",
        "They hold data of the same subject, or are its forks, and would be erased with it. Ask"
        " with `with_others` if that is wanted; a dry run counts them.",
    ),
    "bundle.not_possible": ProblemKind(
        422,
        "No bundle can be made of it",
        "Redact places that hold fewer different values, or export it with the release that wrote"
        " its events.",
    ),
    "bundle.redacts_nothing": ProblemKind(
        400,
        "A pointer leaves nothing out",
        "Nothing ever stood there in the execution's data: correct the pointer, or leave it away."
        " `refold exec at` shows the data.",
    ),
    "bundle.malformed": ProblemKind(
        400,
        "The file is no bundle that this release reads",
        "Send a file that `refold exec export` wrote, whole and unpacked from nothing else.",
    ),
    "bundle.not_intact": ProblemKind(
        422,
        "The bundle does not prove what it tells",
        "It was changed since it was exported: `errors` names what. Get it again from whoever"
        " exported it.",
    ),
    "bundle.too_large": ProblemKind(
        413,
        "The bundle is too large",
        "A bundle has at most one gigabyte. Look into a larger one with `refold open`.",
    ),
    "import.not_possible": ProblemKind(
        422,
        "The bundle cannot be imported",
        "Look into it with `refold open`, or do what `detail` says and import it again.",
    ),
    "data.too_large": ProblemKind(
        413, "A part of it is too large to keep", "Keep large data elsewhere and send its address."
    ),
    "unavailable": ProblemKind(
        503, "A service is away", "Try again after the seconds in Retry-After.", True
    ),
    "streams.too_many": ProblemKind(
        503,
        "Too many live views and downloads are open",
        "Try again after the seconds in Retry-After, read pages, or raise REFOLD_MAX_STREAMS.",
        True,
    ),
    "projection.building": ProblemKind(
        503,
        "The read tables are being built for this release",
        "Try again after the seconds in Retry-After: after an upgrade they are built anew beside"
        " the old ones. What is asked of one execution's log is answered meanwhile. If the server"
        " says that it is older than the tables, upgrade it.",
        True,
    ),
    "impact.busy": ProblemKind(
        429,
        "An impact report is being made already",
        "A server makes one at a time: try again after the seconds in Retry-After.",
        True,
    ),
    "internal": ProblemKind(
        500,
        "A fault in Refold",
        "Report it with the line that the server logged. The request may or may not have been"
        " carried out: ask again with the same Idempotency-Key.",
        True,
    ),
}
