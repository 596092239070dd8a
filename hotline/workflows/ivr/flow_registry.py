"""The flows of this process, in memory: read from files, looked at again when these change, and available whatever the
database does. A file that is refused changes nothing for callers: the flow stays as it was.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import hotline
from hotline.ivr import names
from hotline.ivr.flow import FlowSet
from hotline.ivr.loader import Library, Source, load
from hotline.ivr.problems import Problem
from hotline.ivr.session import Session

#: Most files that are read, and most earlier contents that are kept for the callers who began with them.
MOST_FILES: Final = 200
MOST_KEPT: Final = 200


def shipped_folder() -> Path:
    """Where the flows that come with hotline are: in the package, or in the checkout."""
    packaged = Path(hotline.__file__).parent / "ivr" / "shipped"
    return packaged if packaged.is_dir() else Path(hotline.__file__).parent.parent / "dialplans" / "flows"


def read_folder(folder: Path, label: str = "") -> tuple[list[Source], list[Problem]]:
    """The flow files of a folder by name, and what is wrong with reading them; ``label`` stands before their names."""
    sources: list[Source] = []
    problems: list[Problem] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        return [], [Problem(str(folder), 1, 1, f"The folder cannot be read ({error.strerror}); mend it or its rights.")]
    if len(paths) > MOST_FILES:
        problems.append(Problem(str(folder), 1, 1, f"More than {MOST_FILES} files; the others are not read."))
    for path in paths[:MOST_FILES]:
        try:
            sources.append(read_file(path, label + path.name))
        except OSError as error:
            problems.append(
                Problem(label + path.name, 1, 1, f"The file cannot be read ({error.strerror}); mend its rights.")
            )
    return sources, problems


def read_file(path: Path, label: str) -> Source:
    """One file; no more of it than a flow may have. Raises OSError."""
    with path.open("rb") as stream:
        return Source(label, stream.read(names.MOST_BYTES + 1))


@dataclass(frozen=True)
class Snapshot:
    """What the files say at one moment. ``sets`` is what callers get; ``refused`` are flows whose newest file is not
    used, ``wanting`` those of them of which this process never saw a usable one; ``problems`` by file, warnings among
    them."""

    sets: Mapping[str, FlowSet] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    wanting: frozenset[str] = frozenset()
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


class FlowRegistry:
    """Flows by name, and by digest for the callers who began with an earlier content. Safe to read from any thread;
    ``load`` does its reading outside of the lock."""

    def __init__(self, shipped: Path, own: Path | None = None) -> None:
        self._shipped = shipped
        self._own = own
        self._lock = threading.Lock()
        self._seen: object = None
        self._now: Snapshot | None = None
        self._numbers: dict[tuple[str, str], int] = {}
        self._kept: OrderedDict[tuple[str, str], FlowSet] = OrderedDict()

    @property
    def now(self) -> Snapshot:
        """What the files say; read now if nobody did before."""
        if self._now is None:
            self.load()
        return self._now or Snapshot()

    @property
    def is_loaded(self) -> bool:
        """Whether the files were read by now."""
        return self._now is not None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.now.sets))

    @property
    def problems(self) -> Mapping[str, tuple[Problem, ...]]:
        return self.now.problems

    def get(self, name: str, digest: str | None = None) -> FlowSet | None:
        """The flow as it is now, or with ``digest`` as it was then; None when this process does not have it."""
        found = self.now.sets.get(name)
        if digest is not None and (found is None or found.digest != digest):
            found = self._kept.get((name, digest))
        return None if found is None else replace(found, version=self.number(found))

    def number(self, flows: FlowSet) -> int:
        """The version of a content; 0 until the database has given one."""
        return flows.version or self._numbers.get((flows.name, flows.digest), 0)

    def settled(self, session: Session) -> Session:
        """The session with its flow's version, if that is known by now."""
        version = session.version or self._numbers.get((session.flow, session.digest), 0)
        return session if version == session.version else replace(session, version=version)

    def numbered(self, name: str, digest: str, version: int) -> None:
        """The database gave a content its version."""
        self._numbers[name, digest] = version

    def remember(self, flows: FlowSet) -> None:
        """Keep a content for callers who began with it; the ones kept longest go first."""
        with self._lock:
            self._kept[flows.name, flows.digest] = flows
            self._kept.move_to_end((flows.name, flows.digest))
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def unnumbered(self) -> list[FlowSet]:
        """Contents in use that have no version yet."""
        return [flows for flows in self.now.sets.values() if not self.number(flows)]

    def put_back(self, flows: FlowSet) -> None:
        """Use a content that the database kept for a flow that is ``wanting``."""
        with self._lock:
            now = self._now
            if now is not None and flows.name in now.wanting:
                self._now = replace(now, sets={**now.sets, flows.name: flows}, wanting=now.wanting - {flows.name})
        self.remember(flows)

    def load(self) -> bool:
        """Read the files if they changed since the last time; whether they did. Reads the disk: not for an event
        loop's thread once callers are there."""
        seen = self._signature()
        if self._now is not None and seen == self._seen:
            return False
        shipped, found = read_folder(self._shipped, "hotline/")
        own: list[Source] = []
        if self._own is not None:
            own, more = read_folder(self._own)
            found += more
        library = load(own, shipped)
        fallback = load(shipped) if own else library
        with self._lock:
            before = self._now or Snapshot()
            self._now = _joined(library, fallback, before, found)
            self._seen = seen
        for flows in self._now.sets.values():
            self.remember(flows)
        return True

    def _signature(self) -> object:
        """Changes when a file does."""
        found: list[tuple[str, int, int, int]] = []
        for folder in (self._shipped, self._own):
            try:
                entries: Sequence[os.DirEntry[str]] = sorted(os.scandir(folder), key=_by_name) if folder else ()
            except OSError:
                entries = ()
            for entry in entries:
                try:
                    state = entry.stat()
                except OSError:
                    continue
                found.append((entry.path, state.st_mtime_ns, state.st_size, state.st_ino))
        return found


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _joined(library: Library, fallback: Library, before: Snapshot, found: Sequence[Problem]) -> Snapshot:
    """What callers get: what the files say; where these are refused what was used before, else the shipped flow."""
    stems = {Source(file, b"").stem for file in library.problems}
    refused = frozenset(
        stem for stem in stems if stem not in library.sets or any(not one.warning for one in _told(library, stem))
    )
    sets, wanting = dict(library.sets), set()
    for name in refused:
        known = before.sets.get(name) if name not in before.wanting else None
        if known is None:
            wanting.add(name)
        if (kept := known or fallback.sets.get(name)) is not None:
            sets[name] = kept
    problems = {file: told for file, told in library.problems.items() if told}
    for problem in found:
        problems[problem.file] = (*problems.get(problem.file, ()), problem)
    return Snapshot(sets, refused, frozenset(wanting), problems)


def _told(library: Library, stem: str) -> list[Problem]:
    """The problems of the files of one name: the company's own, and the shipped one that it stands for."""
    return [one for file, found in library.problems.items() if Source(file, b"").stem == stem for one in found]
