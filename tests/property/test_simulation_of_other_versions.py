"""Any version can be tried on any history: it is compared, or the reason why not is told."""

import copy
import random
from collections import Counter

from engine.core.timetravel.impact_tally import Tally
from engine.core.timetravel.rehearsal import NotComparable, rehearsed
from engine.core.timetravel.telling import told_difference
from engine.model.effect import NeedsValues
from tests.property.case import compile_document, random_document, run_random, smaller_documents
from tests.property.core_run import EXECUTION, worker_answer

HISTORIES = 250
VERSIONS_OF_EACH = 6
MAX_EVENTS = 300


def finding(program, source, old):
    rehearsal = rehearsed(program, EXECUTION, source, {}, MAX_EVENTS)
    outcome = rehearsal.simulation.run()
    while isinstance(outcome, NeedsValues):
        answers = {one: worker_answer(one) for one in outcome.requests}
        outcome = rehearsal.simulation.answer(answers)
    return rehearsal.compare(outcome, old)


def versions_of(document, seed):
    """The document with one part taken out, one whose switches take their first way, and one that
    has nothing to do with it."""
    smaller = list(smaller_documents(document))
    random.Random(seed).shuffle(smaller)
    other, _ = random_document(seed + 50_000)
    made = map(compile_document, [*smaller[: VERSIONS_OF_EACH - 2], first_way(document), other])
    return [program for program in made if program is not None]


def first_way(document):
    made = copy.deepcopy(document)
    for state in made["states"]:
        for one in state.get("dataConditions", [])[:1]:
            one["condition"] = "true"
    return made


def test_every_version_is_compared_with_every_history():
    kinds, tally = Counter(), Tally()
    for seed in range(HISTORIES):
        document, program = random_document(seed)
        source = run_random(document, program, seed).core.stored
        if not source:
            continue
        same = finding(program, source, program)
        assert same.differences == (), f"seed {seed}: {same}"
        for version in versions_of(document, seed):
            try:
                found = finding(version, source, program)
            except NotComparable:
                kinds["not comparable"] += 1
                continue
            tally.add("ex", found)
            kinds.update(one.kind for one, _ in found.differences)
            assert all(told_difference(one) for one, _ in found.differences)
    assert {"branch", "path", "no_answer", "no_event", "fails", "output"} <= kinds.keys()
    assert tally.same > HISTORIES // 5, "hardly any version leaves a history as it is"
    assert kinds["path"] > HISTORIES // 5, kinds
