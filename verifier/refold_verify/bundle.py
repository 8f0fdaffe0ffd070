"""Proving a bundle: the log of one execution, and as much of its shard's commits as is told."""

from __future__ import annotations

import json
import zipfile

from chain import BIRTHS, Execution
from findings import Findings, place_of
from hashes import commit_hash, event_hash, head_root, parts_of
from ids import birth_period, shard_of, uuid_number
from members import digest_of
from records import Record, check_head, fits, read_line
from spelling import sha


class BundleVerifier:
    """Takes the lines of a bundle's log in order; `findings` is what it found. `unproved`: events
    of whose commit nothing is told; `gaps`: stretches of the shard's commits that are not told."""

    def __init__(self, manifest: Record, kept: Record | None = None) -> None:
        self.findings = Findings()
        self.manifest = manifest
        self.name = str(manifest.get("execution"))
        if not fits("e", self.name):
            raise ValueError("the manifest names no execution")
        self.period = birth_period(uuid_number(self.name))
        self.kept = {s["shard"]: s for s in (kept or {"shards": []})["shards"]}
        self.kept_cluster = None if kept is None else kept["cluster"]
        self.head: Record = {}
        self.born: Record | None = None
        self.commit: Record | None = None
        self.hash, self.seq, self.position = b"", 0, 0
        self.block: list[Record] = []
        self.lines = self.masked = self.unproved = self.gaps = 0
        self.ended = self.to_head = self.met_kept = False
        self.link: Record | None = None
        self.chain = Execution(self.name)
        self.counts = dict.fromkeys(("event", "commit"), 0)

    def take(self, line: bytes) -> None:
        """One line, without its end."""
        self.lines += 1
        place = ("line", self.lines)
        try:
            record = read_line(line)
            kind = record["record"]
            if kind == "export":
                check_head(record["head"])
        except (ValueError, RecursionError) as error:
            self.findings.note("unreadable", place, str(error))
            return
        known = ("export", "execution", "commit", "event", "other", "link", "end")
        if (kind == "export") is not (self.lines == 1) or self.ended or kind not in known:
            self.findings.note("reordered", place, "it stands where a bundle has no such line")
        else:
            getattr(self, f"take_{kind}")(record)

    def take_export(self, record: Record) -> None:
        if record["format"] != 1 or record["chain"] != 1:
            raise ValueError("this program reads format 1 of an export")
        head = self.head = record["head"]
        shards = [one["shard"] for one in head["shards"]]
        if head_root(head) != head["root"]:
            self.findings.note("changed", ("head",), "its root is not the hash of its members")
        named = [self.manifest.get("cluster"), self.manifest.get("namespace")]
        if [head["cluster"], record["scope"], shards] != [*named, [shard_of(self.name)]]:
            self.findings.note("changed", ("head",), "it is not that of this execution's shard")
        if self.kept_cluster not in (None, head["cluster"]):
            self.findings.note(
                "head_differs", ("head",), "the kept head is of another installation"
            )

    def take_execution(self, record: Record) -> None:
        place = ("execution", record["execution"])
        if self.born is not None:
            self.findings.note("repeated", place, "a bundle tells one execution")
        self.born = record
        names = ("execution", "namespace", "workflow", "definition_hash", "events", "hash")
        if [record[n] for n in names] != [self.manifest.get(n) for n in names]:
            self.findings.note("changed", place, "the manifest tells another")

    def take_link(self, record: Record) -> None:
        """Stands for commits that are not told."""
        self.close_block()
        if self.commit is not None and record["number"] <= self.commit["number"]:
            self.findings.note("reordered", ("line", self.lines), "it stands behind later commits")
        self.gaps += self.commit is not None
        self.commit, self.link = None, record
        self.meet_kept(record)

    def take_commit(self, record: Record) -> None:
        self.close_block()
        place = ("commit", record["shard"], record["number"])
        number, last, shard = 0, 0, shard_of(self.name)
        found = sha(f"refold-chain-1|{self.head.get('cluster')}|{shard}".encode())
        if self.link is not None:
            number, last = self.link["number"], self.link["position"]
            shard, found = self.link["shard"], bytes.fromhex(self.link["hash"])
        elif self.commit is not None:
            number, last = self.commit["number"], self.commit["first"] + self.commit["count"] - 1
            shard, found = self.commit["shard"], bytes.fromhex(self.commit["hash"])
        if (record["number"], record["first"], record["shard"]) != (number + 1, last + 1, shard):
            self.findings.note("reordered", place, f"it does not stand behind commit {number}")
        self.commit, self.link = record, None
        self.counts["commit"] += 1
        if commit_hash(found, record).hex() != record["hash"]:
            self.findings.note("changed", place, "it is not as it was written")
        self.meet_kept(record)

    def meet_kept(self, commit: Record) -> None:
        """Compare a commit with the head that was kept of its shard."""
        kept = self.kept.get(commit["shard"])
        if kept is not None and kept["commit_no"] == commit["number"]:
            self.met_kept = True
            if kept["hash"] != commit["hash"]:
                place = ("commit", commit["shard"], commit["number"])
                self.findings.note("head_differs", place, "it is not the one that was kept")

    def a_key(self) -> str | None:
        """Some start key of the log: that of the birth may be left out."""
        return max(self.chain.keys, key=str, default=None)

    def covers(self, position: int) -> bool:
        commit = self.commit
        if commit is None:
            return False
        return bool(commit["first"] <= position < commit["first"] + commit["count"])

    def take_event(self, record: Record) -> None:
        self.counts["event"] += 1
        following, name = self.seq + 1, record["execution"]
        place = ("event", self.name, record["seq"])
        if name != self.name:
            self.findings.note(
                "foreign", ("line", self.lines), "it is an event of another execution"
            )
            return
        if record["shard"] != shard_of(name):
            self.findings.note("changed", place, "it is told of another shard")
        if record["seq"] != following:
            self.findings.note(
                "missing", ("event", name, following), f"{record['seq']} is the next one"
            )
        written, digest = bytes.fromhex(record["digest"]), digest_of(record)
        if digest != written:
            self.findings.note("changed", place, "its data was changed")
        elif event_hash(self.hash, record, name, record["seq"], digest).hex() != record["hash"]:
            self.findings.note("changed", place, "it was changed, or one before it")
        elif record["type"] in BIRTHS:
            self.chain.note_birth(record)
        self.seq, self.hash = record["seq"], bytes.fromhex(record["hash"])
        self.masked += any(not isinstance(one, list) for one in record.get("members", ()))
        if record["position"] <= self.position:
            self.findings.note("reordered", place, "it stands before the one before it")
        self.position = record["position"]
        if not self.covers(record["position"]):
            self.unproved += 1
        else:
            self.block.append(record)
            if self.commit is not None and record["epoch"] != self.commit["epoch"]:
                self.findings.note("changed", place, "its epoch is not its commit's")

    def take_other(self, record: Record) -> None:
        wanted = [self.period, shard_of(self.name)]
        if [record["period"], record["shard"]] != wanted or not self.covers(record["position"]):
            self.findings.note("foreign", place_of(record), "it is of no commit that is told")
        else:
            self.block.append(record)

    def close_block(self) -> None:
        """Judge the events of the commit that ends here."""
        commit, block, self.block = self.commit, self.block, []
        if commit is None or not block:
            return
        places = [one["position"] for one in block]
        try:
            parts = json.loads(commit["parts"])
        except ValueError:
            parts = []
        if places != sorted(set(places)) or json.loads(parts_of(block))[0] not in parts:
            place = ("commit", commit["shard"], commit["number"])
            self.findings.note("changed", place, "it recorded others than these events")

    def take_end(self, record: Record) -> None:
        self.ended = True
        if record["lines"] != self.lines - 1:
            detail = f"{record['lines']} lines were written before it, {self.lines - 1} are there"
            self.findings.note("changed", ("line", self.lines), detail)

    def finish(self) -> BundleVerifier:
        """Everything was taken: say what is missing."""
        self.close_block()
        born, commit, ends = self.born, self.commit, self.head.get("shards", [])
        if not self.ended:
            self.findings.note("cut_off", ("line", self.lines + 1), "the last line is not there")
        if born is None:
            self.findings.note(
                "missing", ("execution", self.name), "the record of its birth is not there"
            )
        elif (self.seq, self.hash.hex()) != (born["events"], born["hash"]):
            detail = f"it had {born['events']} events, or another last one"
            self.findings.note("cut_off", ("event", self.name, self.seq + 1), detail)
        elif not self.chain.tells_of({**born, "start_key": born["start_key"] or self.a_key()}):
            self.findings.note(
                "changed", ("execution", self.name), "its log tells of another birth"
            )
        if commit is not None and ends:
            self.to_head = commit["number"] == ends[0]["commit_no"]
            if self.to_head and commit["hash"] != ends[0]["hash"]:
                self.findings.note("changed", ("head",), "it does not name the last commit")
        return self


def verify_bundle(path: str, kept: Record | None = None) -> BundleVerifier:
    """Verify a bundle. Raises ValueError where it is none."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = json.loads(file.read("manifest.json"))
            if not isinstance(manifest, dict) or manifest.get("format") != 1:
                raise ValueError("this program reads format 1 of a bundle")
            verifier = BundleVerifier(manifest, kept)
            check_definitions(verifier, file, manifest)
            with file.open("events.ndjson") as log:
                for line in log:
                    whole = line.endswith(b"\n")
                    verifier.take(line[:-1] if whole else line + b" without its end")
    except (KeyError, TypeError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is no bundle: {error}") from None
    except Exception as error:  # damaged compression raises zlib.error, which is no ValueError
        if isinstance(error, (ValueError, OSError)):
            raise
        raise ValueError(f"it is damaged: {error}") from None
    return verifier.finish()


def check_definitions(verifier: BundleVerifier, file: zipfile.ZipFile, manifest: Record) -> None:
    """Whether the definitions are the texts that the manifest names."""
    for one in manifest["definitions"]:
        texts = [one["media_type"].encode(), file.read(one["file"])]
        for uri, name in sorted((r["uri"].encode(), r["file"]) for r in one["resources"]):
            texts += [uri, file.read(name)]
        content = sha(*(len(text).to_bytes(4, "big") + text for text in texts)).hex()
        if content != one["content"]:
            place = ("definition", manifest["namespace"], f"{one['workflow']}@{one['version']}")
            verifier.findings.note("changed", place, "it is not the text that the manifest names")
