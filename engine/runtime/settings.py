"""Limits and intervals of an engine. Units are in the names; every queue has its limit here."""

import msgspec


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How one engine works.

    lanes: group commits in flight at once; each lane owns a disjoint set of shards.
    lease_ttl_ms, lease_margin_ms: a lease's life, and how long before its end (monotonic clock) its
      holder stops working without a renewal.
    max_hot_executions: executions kept in memory, over all lanes; beyond, no new ones are taken
      in (those whose timer is due come on top, a batch at a time); idle_ms: after this without work
      one leaves memory, unless an action of it runs.
    max_inbox_in_hand: inbox rows a lane has taken into memory; the rest stays in Postgres.
    cycle_executions, cycle_events: what one group commit gathers at most.
    commands_per_turn: commands of one execution in one group commit.
    max_actions_in_flight: actions running at once; max_action_backlog: waiting ones beyond which no
      new work is taken in.
    max_result_bytes: size of an action's result as JSON.
    max_evaluation_rounds: how often one command may ask the expression workers.
    snapshot_every: events between snapshots of a hot execution, and between those that are kept of
      its past (see `engine.ports.snapshots.Keeping`); snapshot_at_passivation: events
      beyond the last snapshot that are worth one when the execution leaves memory.
    poll_interval_ms: how often to look when no hint came. timer_horizon_ms: timers due within it
      are kept in memory. breakpoint_interval_ms: how often breakpoints are read when no hint came.
      quarantine_ms: after this a quarantined execution is tried again.
    """

    lanes: int = 2
    writer_version: str = "refold/0.1"
    lease_ttl_ms: int = 10_000
    lease_margin_ms: int = 2_000
    max_hot_executions: int = 10_000
    idle_ms: int = 10_000
    sweep_interval_ms: int = 500
    max_inbox_in_hand: int = 4_000
    inbox_batch: int = 1_000
    cycle_executions: int = 500
    cycle_events: int = 4_000
    commands_per_turn: int = 200
    max_actions_in_flight: int = 2_000
    max_action_backlog: int = 20_000
    max_result_bytes: int = 1_048_576
    max_evaluation_rounds: int = 1_000
    evaluation_batch: int = 256
    load_concurrency: int = 8
    load_page: int = 5_000
    look_concurrency: int = 8
    look_page: int = 200
    match_batch: int = 500
    outbox_batch: int = 500
    outbox_interval_ms: int = 1_000
    timer_batch: int = 1_000
    timer_horizon_ms: int = 30_000
    breakpoint_interval_ms: int = 1_000
    snapshot_every: int = 1_000
    snapshot_at_passivation: int = 100
    snapshot_batch: int = 100
    poll_interval_ms: int = 250
    clock_interval_ms: int = 1_000
    backoff_start_ms: int = 20
    backoff_max_ms: int = 2_000
    quarantine_ms: int = 60_000
    program_cache: int = 500
    notice_interval_ms: int = 5
    max_notices: int = 20_000
