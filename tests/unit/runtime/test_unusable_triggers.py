"""A trigger whose definition cannot be used any more: the CloudEvent is kept with the reason."""

from schemas.json_text import loads
from tests.runtime_harness import World, compile_row, eventually

NAMESPACE = "default"
START = """
id: {id}
version: '1.0'
specVersion: '0.8'
name: start
start: Wait
events:
- name: Made
  type: made
  source: tests
states:
- name: Wait
  type: event
  onEvents:
  - eventRefs: [Made]
  end: true
"""


def compile_but_broken(row):
    """The compiler of a release that refuses one definition."""
    if row.workflow == "broken":
        raise ValueError("states: a newer release refuses this")
    return compile_row(row)


async def test_the_cloudevent_becomes_a_dead_letter_and_the_other_triggers_get_it(
    world: World,
) -> None:
    for workflow in ("broken", "whole"):
        await world.apply(START.replace("{id}", workflow))
    await world.started_node(compile=compile_but_broken)
    first = await world.publish("made", {"n": 12345678901234567890}, id="e1")
    await world.publish("other")

    def started() -> list[str]:
        return [birth.workflow for birth in world.storage.store.births.values()]

    await eventually(lambda: started() == ["whole"])
    (letter,) = await world.storage.streams.dead_letters(NAMESPACE, 0, 10)
    assert (letter.code, letter.origin) == ("trigger.unusable", f"CloudEvent {first.position}")
    assert letter.reason == (
        "The definition broken 1.0, which CloudEvents of this type start, cannot be used: "
        "states: a newer release refuses this"
    )
    kept = loads(letter.body)
    assert (kept["id"], kept["data"]) == ("e1", {"n": 12345678901234567890})
    assert loads(letter.headers) == [["content-type", "application/cloudevents+json"]]
