"""The drawing of a definition."""

import json

from engine.dialects.cncf_v08 import mermaid, program_of
from tests.unit.dialects.kitchen_sink import RESOURCES, edited


def drawing(*edits: tuple[str, object]) -> list[str]:
    text = json.dumps(edited(*edits)).encode()
    return mermaid(program_of(text, "application/json", RESOURCES)).splitlines()


def test_states_ways_conditions_and_errors_are_drawn() -> None:
    assert drawing() == [
        "flowchart TD",
        '  begin(("Ordered")) --> s0',
        '  s0{{"Wait<br/>event: fetch"}}',
        '  s1["Work<br/>operation: first"]',
        '  s2{"Choose<br/>switch"}',
        '  s3(["Rest<br/>sleep"])',
        '  s4[/"Fill<br/>inject"/]',
        '  s5[["Both<br/>parallel: double, compute"]]',
        '  s6[["All<br/>foreach: compute"]]',
        '  s7[\\"Ask<br/>callback: fetch"\\]',
        '  s8{"Race<br/>switch"}',
        "  s0 --> s1",
        "  s1 --> s2",
        '  s1 -.-> |"error Late"| s3',
        '  s2 --> |"big: .total #gt; 100"| s5',
        '  s2 --> |"2: .total == 0"| done',
        '  s2 --> |"default"| s3',
        "  s3 --> s4",
        "  s4 --> s5",
        "  s5 --> s6",
        "  s6 --> s7",
        "  s7 --> s8",
        '  s8 --> |"Paid, emits Shipped"| done',
        '  s8 --> |"default"| done',
        '  done((("end")))',
    ]


def test_no_text_of_the_author_becomes_mermaid() -> None:
    name = 'x"] --> y\\; `<b>`#quot; & |'
    lines = drawing(("/states/3/name", name), ("/states/1/onErrors/0/transition", name),
                    ("/states/2/defaultCondition/transition", name))  # fmt: skip
    box = next(line for line in lines if line.startswith("  s3("))
    inner = box.removeprefix('  s3(["').removesuffix('<br/>sleep"])')
    assert inner == "x#quot;] --#gt; y#92;; #96;#lt;b#gt;#96;#35;quot; #amp; |"


def test_long_labels_are_cut() -> None:
    lines = drawing(("/states/2/dataConditions/0/condition", ".a == " + "1" * 100))
    assert any(line.endswith('1..."| s5') and len(line) < 90 for line in lines)


def test_states_are_drawn_in_the_order_of_the_text() -> None:
    states = [
        {"name": f"s{n}", "type": "inject", "data": {}, "transition": f"s{n + 1}"}
        for n in range(11)
    ] + [{"name": "s11", "type": "inject", "data": {}, "end": True}]
    text = json.dumps({"id": "a", "states": states}).encode()
    boxes = [line for line in mermaid(program_of(text)).splitlines() if "<br/>" in line]
    assert [box.split("[")[0].strip() for box in boxes] == [f"s{n}" for n in range(12)]
