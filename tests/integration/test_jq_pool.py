"""libjq in worker processes: hostile programs end as answers, and the pool works on at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.adapters.jq import JqPool
from engine.adapters.jq.process import Question
from engine.model.evaluation import EvalAnswer, EvalRequest

ENDLESS = (
    "def f: f; f",
    "[repeat(1)]",
    "[range(1e9)]",
    "reduce range(1e9) as $i (0; . + 1)",
    "def fib: if . < 2 then . else (. - 1 | fib) + (. - 2 | fib) end; 40 | fib",
    "[recurse(.)]",
    '"a" * 2e9',
    ".[99999999] = 1",
    "[limit(1e8; repeat(1))]",
    "def f: [f, f]; f",
    "range(20000)",
    '"a" * 2000000',
    '[limit(500; repeat("x" * 10000))]',
    "reduce range(300) as $i (1; [.])",
)


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[JqPool]:
    pool = JqPool(size=1, time_limit_ms=700)
    await pool.start()
    yield pool
    await pool.close()


def request(source: str, data: str = "null", variables: str = "{}") -> EvalRequest:
    return EvalRequest(source, data.encode(), variables.encode())


async def outputs(pool: JqPool, source: str, data: str = "null", variables: str = "{}") -> object:
    [answer] = await pool.evaluate([request(source, data, variables)])
    assert answer.outputs is not None, answer.error
    return json.loads(answer.outputs)


@pytest.mark.parametrize("source", ENDLESS)
async def test_endless_and_greedy_programs_are_answered_with_a_limit(
    pool: JqPool, source: str
) -> None:
    [answer] = await pool.evaluate([request(source)])
    assert (answer.outputs, answer.error_code) == (None, "expression.limit")
    assert await outputs(pool, ".a", '{"a":1}') == [1]


async def test_a_regular_expression_that_backtracks_for_ever_is_an_error(pool: JqPool) -> None:
    data = json.dumps("a" * 40 + "b")
    [answer] = await pool.evaluate([request('test("^(a|aa|a+)+$")', data)])
    assert answer.outputs == b"[false]" or answer.error_code is not None
    assert await outputs(pool, 'test("^a+b$")', data) == [True]


@pytest.mark.parametrize(
    "source",
    [
        "env",
        "$ENV",
        "$ENV.PATH",
        'import "d" as $d {search: "/tmp"}; $d',
        'include "x"; .',
        "input",
        "[inputs]",
        "halt",
        '"\\(env)"',
        "def f: env; f",
        "now",
        "input_filename",
        "get_search_list",
        "modulemeta",
        "$__prog_args",
    ],
)
async def test_names_that_reach_outside_are_refused(pool: JqPool, source: str) -> None:
    [answer] = await pool.evaluate([request(source)])
    assert (answer.outputs, answer.error_code) == (None, "expression.refused")


async def test_the_environment_is_empty_even_for_names_that_slip_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REFOLD_CANARY", "the canary sings")
    monkeypatch.setattr("engine.adapters.jq.pool._question", _unchecked_question)
    pool = JqPool(size=1)
    await pool.start()
    try:
        [pid] = pool.pids
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes().lower()
        for source in ("env", "$ENV", "$ENV|tojson", 'getpath(["a"])', "{} | env.REFOLD_CANARY"):
            [answer] = await pool.evaluate([request(source)])
            assert "canary" not in repr(answer)
        [smuggled] = await pool.evaluate([request("1)|$ENV|(1")])
        assert smuggled.error_code == "expression.syntax"
        [imported] = await pool.evaluate([request('import "a" as $a; $a')])
        assert imported.error_code == "expression.syntax"
    finally:
        await pool.close()


def _unchecked_question(letter: bytes, source: str, variables: bytes, data: bytes) -> object:
    return Question(letter, (), source, variables, data)


async def test_a_worker_killed_in_flight_is_an_answer_and_the_rest_of_the_batch_is_served(
    pool: JqPool,
) -> None:
    before = pool.pids
    asked = asyncio.create_task(
        pool.evaluate([request(".+1", "1"), request("[repeat(1)]"), request(".+1", "2")])
    )
    await asyncio.sleep(0.2)
    os.kill(before[0], signal.SIGKILL)
    first, lost, last = await asked
    assert (first.outputs, last.outputs) == (b"[2]", b"[3]")
    assert lost.error_code == "expression.limit"
    assert pool.pids != before


async def test_an_idle_worker_that_was_killed_is_replaced(pool: JqPool) -> None:
    os.kill(pool.pids[0], signal.SIGKILL)
    answers = await pool.evaluate([request(".", "1") for _ in range(40)])
    assert sum(answer.outputs == b"[1]" for answer in answers) >= 39


async def test_a_batch_is_answered_in_order_with_its_errors(pool: JqPool) -> None:
    answers = await pool.evaluate(
        [
            request(".a |= . + 1", '{"a":1}'),
            request("def f: ; 1"),
            request('error("no stock")'),
            request("$WORKFLOW.id", "null", '{"WORKFLOW":{"id":"w1"},"OTHER":1}'),
            request("empty"),
            request("$MISSING"),
            request("limit(3; repeat(.))", '"é\\u0000"'),
        ]
    )
    assert answers[0].outputs == b'[{"a":2}]'
    assert answers[1].error_code == "expression.syntax"
    assert answers[2] == EvalAnswer(error_code="expression.failed", error="no stock")
    assert answers[3].outputs == b'["w1"]'
    assert answers[4].outputs == b"[]"
    assert answers[5].error == "$MISSING is not known here"
    assert answers[6].outputs == '["é\\u0000","é\\u0000","é\\u0000"]'.encode()


async def test_large_batches_pass_the_pipe_without_stopping(pool: JqPool) -> None:
    data = json.dumps(["x" * 1000] * 500)
    answers = await pool.evaluate([request(".[1:] | map(.)", data) for _ in range(40)])
    assert {answer.outputs == data_without_first(data) for answer in answers} == {True}


def data_without_first(data: str) -> bytes:
    return json.dumps([json.loads(data)[1:]], separators=(",", ":")).encode()


async def test_cancelling_a_question_leaves_no_answer_behind_for_the_next(pool: JqPool) -> None:
    asked = asyncio.create_task(pool.evaluate([request("[repeat(1)]"), request('"stale"')]))
    await asyncio.sleep(0.1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await outputs(pool, '"fresh"') == ["fresh"]


async def test_closing_answers_what_is_under_way_and_leaves_no_process() -> None:
    pool = JqPool(size=2, time_limit_ms=60_000)
    await pool.start()
    asked = asyncio.create_task(pool.evaluate([request("[repeat(empty)]")] * 5))
    await asyncio.sleep(0.2)
    await pool.close()
    answers = await asyncio.wait_for(asked, timeout=10)
    assert {answer.error_code for answer in answers} == {"expression.limit"}
    assert pool.pids == ()


async def test_check_tells_what_only_libjq_knows_and_evaluates_nothing(pool: JqPool) -> None:
    problems = await pool.check(
        [".a", "nosuch(1)", ".a |", "def f: f; f", "now", "$WORKFLOW.id as $x | $x", "{(1): 2}"]
    )
    assert problems[0] is problems[3] is problems[5] is None
    assert "nosuch/1 is not defined" in (problems[1] or "")
    assert "syntax error" in (problems[2] or "")
    assert "$WORKFLOW" in (problems[4] or "")
    assert "object key" in (problems[6] or "")


async def test_big_numbers_that_libjq_only_passes_on_keep_their_digits(pool: JqPool) -> None:
    data = '{"n":12345678901234567890,"p":1.10}'
    [answer] = await pool.evaluate([request("with_entries(.key |= ascii_upcase)", data)])
    assert answer.outputs == b'[{"N":12345678901234567890,"P":1.10}]'


async def test_workers_have_no_rights_and_end_with_their_parent(pool: JqPool) -> None:
    status = Path(f"/proc/{pool.pids[0]}/status").read_text()
    limits = Path(f"/proc/{pool.pids[0]}/limits").read_text()
    assert "NoNewPrivs:\t1" in status
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert rows["Max file size"] == rows["Max core file size"] == "0"
    assert int(rows["Max address space"]) == 256 << 20
    assert int(rows["Max open files"]) == 16
    assert os.getsid(pool.pids[0]) == pool.pids[0]


ORPHAN_MAKER = """
import asyncio, sys
from engine.adapters.jq import JqPool
from engine.adapters.jq.process import Question
from engine.model.evaluation import EvalRequest

async def main():
    pool = JqPool(size=1, time_limit_ms=60_000)
    await pool.start()
    print(pool.pids[0], flush=True)
    await pool.evaluate([EvalRequest("[repeat(empty)]", b"1", b"{}")])

asyncio.run(main())
"""


async def test_a_busy_worker_does_not_outlive_its_parent() -> None:
    root = Path(__file__).resolve().parents[2]
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORPHAN_MAKER), stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await asyncio.sleep(0.2)
    parent.kill()
    await parent.wait()
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        await asyncio.sleep(0.05)
    pytest.fail("the worker lives on")
