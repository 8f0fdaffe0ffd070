"""A shard that this engine owns: its epoch, its head after our last commit, our time limit."""

from engine.ports.rows import ShardHead


class OwnedShard:
    """`deadline` is monotonic, in seconds: after it the lease may have run out, so nothing is
    decided or started until it was renewed. `lost`: another engine owns it, or may."""

    __slots__ = ("commit_no", "deadline", "epoch", "hash", "last_position", "lost", "number")

    def __init__(self, head: ShardHead, deadline: float) -> None:
        self.number = head.shard
        self.epoch = head.epoch
        self.deadline = deadline
        self.lost = False
        self.last_position = head.last_position
        self.commit_no = head.commit_no
        self.hash = head.hash

    def alive(self, now: float) -> bool:
        """Whether work may be done for it at this monotonic time."""
        return not self.lost and now < self.deadline

    def moved(self, *, last_position: int, hash_: bytes) -> None:
        """Our commit is on its head now."""
        self.last_position = last_position
        self.commit_no += 1
        self.hash = hash_
