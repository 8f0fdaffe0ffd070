"""Every code that a fault of a DSL 0.8 definition can have, and what to do about it."""

from typing import Final

SOURCE_CODES: Final[dict[str, str]] = {
    "definition.source.alias": "Write the value out; YAML aliases are not read.",
    "definition.source.anchor": "Remove the YAML anchor; nothing can refer to it.",
    "definition.source.depth": "Flatten objects and lists; at most 64 may be inside each other.",
    "definition.source.documents": "Put each document in a file of its own.",
    "definition.source.duplicate_key": "Remove one of the two members of the same name.",
    "definition.source.empty": "Write a definition; the text holds none.",
    "definition.source.encoding": "Save the text as UTF-8.",
    "definition.source.key": "Write a plain text before the colon.",
    "definition.source.merge_key": "Write the members out; YAML merges are not read.",
    "definition.source.nodes": "Make the document smaller; it has too many values.",
    "definition.source.number": "Put the number in quotes, or write one that JSON has.",
    "definition.source.size": "Make the text smaller.",
    "definition.source.syntax": "Repair the YAML or JSON at this place.",
    "definition.source.tag": "Remove the YAML tag.",
}
"""The text is not one well-formed document within the limits; nothing else was looked at."""

SHAPE_CODES: Final[dict[str, str]] = {
    "definition.shape.empty": "Put something into the empty text or list.",
    "definition.shape.name": "Use 1 to 256 characters, none of them a control character.",
    "definition.shape.required": "Add the missing member.",
    "definition.shape.type": "Write a value of the kind that the message names.",
    "definition.shape.unknown_property": "Correct the spelling, or remove the member.",
    "definition.shape.value": "Use one of the values that the message names.",
}
"""The document has not the shape that the specification describes."""

MEANING_CODES: Final[dict[str, str]] = {
    "definition.action.nothing": "Give the action a functionRef.",
    "definition.action.several": "Keep one of functionRef, eventRef and subFlowRef.",
    "definition.duration": "Write an ISO 8601 duration of weeks, days, hours, minutes, seconds.",
    "definition.error.refs": "Give exactly one of errorRef and errorRefs.",
    "definition.error.unknown": "Define the error under `errors`, or correct its name.",
    "definition.event.attribute": "Use an attribute name of letters and digits that is not taken.",
    "definition.event.correlation": "Name each attribute once; start events want fixed values.",
    "definition.event.kind": "Wait for consumed events, produce produced ones.",
    "definition.event.repeated": "Name each event once.",
    "definition.event.source": "Write a URI without blanks as source of the produced event.",
    "definition.event.unknown": "Define the event under `events`, or correct its name.",
    "definition.exit.both": "Remove `transition` or `end`.",
    "definition.exit.missing": "Add `transition` or `end`.",
    "definition.expression.brackets": "Close the `${` at the end of the text.",
    "definition.expression.function": "Name a function of type expression behind `fn:`.",
    "definition.expression.limit": "Make the expression shorter, or nest it less.",
    "definition.expression.path": "Write a plain path such as `.orders.first`.",
    "definition.expression.refused": "Remove the name that expressions may not use.",
    "definition.expression.secrets": "Name $SECRETS in the arguments of a function alone.",
    "definition.expression.syntax": "Repair the jq program.",
    "definition.expression.variable": "Use a variable that is known at this place.",
    "definition.foreach.batch_size": "Write a whole number from 1 to 1000.",
    "definition.foreach.parameter": "Write a name of letters, digits and underscores.",
    "definition.function.operation": "Write the operation in the form that the message names.",
    "definition.function.operation_missing": "Add `operation` to the function.",
    "definition.function.operation_unknown": "Name an operationId of the OpenAPI document.",
    "definition.function.unknown": "Define the function under `functions`, or correct its name.",
    "definition.id.both": "Remove `id` or `key`.",
    "definition.id.characters": "Leave out slashes, outer blanks and unprintable characters.",
    "definition.id.expression": "Write a fixed name.",
    "definition.limit.fan_out": "Use fewer branches or actions at once, or a foreach.",
    "definition.limit.states": "Split the workflow; it has too many states.",
    "definition.name.duplicate": "Rename one of the two.",
    "definition.not_supported": "Do without the named feature; this release has it not.",
    "definition.parallel.num_completed": "Write a whole number from 1 to the number of branches.",
    "definition.resource_missing": "Give the document with --resource URI=FILE.",
    "definition.resource_section": "Put the definitions under the member that the message names.",
    "definition.retry.jitter": "Write a share from 0 to 1, or a duration.",
    "definition.retry.max_attempts": "Write how often to try again, from 0 to 10000.",
    "definition.retry.multiplier": "Write a number from 0 to 1000.",
    "definition.retry.no_policy": "Name a retry policy with retryRef.",
    "definition.retry.unknown": "Define the policy under `retries`, or correct its name.",
    "definition.secret.unknown": "Declare the secret under `secrets`, or correct its name.",
    "definition.spec_version": 'Write specVersion "0.8".',
    "definition.state.unknown": "Correct the state's name, or add the state.",
    "definition.state.unreachable": "Add a transition to the state, or remove it.",
    "definition.switch.conditions": "Give exactly one of dataConditions and eventConditions.",
    "definition.switch.default_required": "Add a defaultCondition for when the time is over.",
    "definition.timeout.zero": "Give the action more than no time.",
}
"""The document has the right shape and still cannot be run."""

WARNING_CODES: Final[dict[str, str]] = {
    "definition.expression.embedded": "Make the whole text one expression, or leave it as text.",
    "definition.foreach.batch_size_unused": "Remove batchSize, or set mode to parallel.",
    "definition.function.arguments_unused": "Remove the arguments of the expression function.",
    "definition.inject.literal": "Compute data elsewhere; injected data is static.",
    "definition.parallel.num_completed_unused": "Set completionType to atLeast, or remove it.",
    "definition.relaxed.arguments_text": "Write arguments as an object.",
    "definition.relaxed.attribute_case": "Write the CloudEvents attribute in lower case.",
    "definition.relaxed.boolean_text": "Write true or false without quotes.",
    "definition.relaxed.default_condition": "Add a defaultCondition to the switch.",
    "definition.relaxed.event_kind": "Say `kind: produced` in the event definition.",
    "definition.relaxed.event_source": "Name the source of the consumed event.",
    "definition.relaxed.iteration_param": "Write the name alone, without ${ }.",
    "definition.relaxed.number": "Put the number in quotes.",
    "definition.relaxed.spec_version": 'Write specVersion: "0.8".',
    "definition.relaxed.text_values": "Put the value in quotes.",
    "definition.relaxed.version": "Give the workflow a version.",
    "definition.result.place": "Say with toStateData where the result goes.",
    "definition.retry.any_error": "List the errors to retry in retryableErrors.",
    "definition.shape.unknown_member": "Correct the spelling of the member.",
    "definition.timeout.unused": "Remove the time limit; it means nothing here.",
}
"""Accepted, but the author should know."""

CODES: Final[dict[str, str]] = {**SOURCE_CODES, **SHAPE_CODES, **MEANING_CODES, **WARNING_CODES}
"""All of them: code -> what to do."""
