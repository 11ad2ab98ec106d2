"""Kills whole commands at each system call that writes, or lets the call fail, and checks the files afterwards.

    python benchmarks/killed_commands.py FOLDER [--only "detect;rois"] [--errors] [--most 400]

Each command runs as a process under strace: TensorFlow is imported once, and a fork waits until strace is attached. A
first run lists the calls that change a file below the command's folder, which also contains its home folder. Then the
process is killed before each of these calls, or the call fails: every call that makes, moves or removes a file, and of
those that write into one file the first, the last and some between. Afterwards, once EpiFiji has read there again, the
files must be either the old or the new ones. The next run must succeed and leave only its results. This needs Linux
with strace and the permission to trace.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from commands_to_kill import Command, commands, do, import_everything, write_inputs

CHANGING = (
    "openat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,ftruncate,fallocate,link,symlink,chmod,fchmod"
)
WRITING = "write,pwrite64,writev"
SYNCING = "fsync,fdatasync"
EACH_FILE = 5
"""The number of calls that write into one file which are tried."""

ERRORS = {
    **dict.fromkeys(WRITING.split(","), ("ENOSPC", "EIO")),
    **dict.fromkeys(SYNCING.split(","), ("EIO",)),
    **dict.fromkeys(CHANGING.split(","), ("EACCES", "ENOSPC")),
}
WITHOUT_ENOSPC = {"unlink", "unlinkat", "rmdir"}
CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)")
WRITABLE = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")
HIDDEN = re.compile(r"\.epifiji-[0-9a-f]{8}")
UNEQUAL = {"created", "seconds", "file_state"}
"""Entries of records that differ between two runs of the same command."""


@dataclass(frozen=True)
class Point:
    """A system call: its name, its number among the calls of this name since the command's start, and its files."""

    call: str
    number: int
    what: str


@dataclass
class Found:
    """The results for the points of a command."""

    calls: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    elsewhere: int = 0
    mixed_until_read: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def started(arguments: Sequence[str], log: Path, strace: Sequence[str]) -> tuple[int, str]:
    """Run a step in a fork, under strace if it has arguments; return its exit status and its output."""
    child = os.fork()
    if not child:
        with log.with_suffix(".said").open("wb") as said:
            for stream in (1, 2):
                os.dup2(said.fileno(), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code: Any = 1
        try:
            if strace:
                os.kill(os.getpid(), signal.SIGSTOP)
            do(arguments)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)
    tracer = None
    if strace:
        os.waitpid(child, os.WUNTRACED)
        tracer = subprocess.Popen(
            ["strace", "-y", "-s", "0", "-p", str(child), "-o", str(log), *strace], stderr=subprocess.DEVNULL
        )
        status = Path(f"/proc/{child}/status")
        while "TracerPid:\t0" in status.read_text():
            time.sleep(0.002)
        os.kill(child, signal.SIGCONT)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if tracer is not None:
        tracer.wait()
    return code, log.with_suffix(".said").read_text(errors="replace")


def listed_points(log: Path, place: Path) -> list[Point]:
    """List the calls in a log that change a file in a place."""
    count: Counter[str] = Counter()
    points = []
    for line in log.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        call, rest = match.groups()
        count[call] += 1
        if str(place) in rest and (call != "openat" or WRITABLE.search(rest)):
            points.append(Point(call, count[call], shortened(rest, place)))
    return points


def shortened(arguments: str, place: Path) -> str:
    """Return the files of a call, in a form that is the same in each run."""
    quoted = re.findall(r'"([^"]*)"|<([^>]*)>', arguments.split(" = ", maxsplit=1)[0])
    paths = (HIDDEN.sub(".epifiji-X", one or other).replace(f"{place}/", "") for one, other in quoted)
    return " ".join(paths)


def chosen(points: Sequence[Point], calls: set[str], most: int) -> list[Point]:
    """Choose the points to try: all that make, move or remove a file, and some that write into a file."""
    by_file: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        if point.call in calls:
            by_file.setdefault((point.call, point.what), []).append(point)
    found = []
    for (call, _), group in by_file.items():
        few = call in WRITING.split(",") and len(group) > EACH_FILE
        places = np.linspace(0, len(group) - 1, EACH_FILE).astype(int) if few else range(len(group))
        found += [group[place] for place in places]
    found.sort(key=points.index)
    return (
        [found[place] for place in np.unique(np.linspace(0, len(found) - 1, most).astype(int))]
        if len(found) > most
        else found
    )


def contents(place: Path) -> dict[str, str]:
    """Return a hash of every file outside the caches, and every folder, by name; hidden folders keep their names."""
    found = {}
    for folder, folders, files in os.walk(place):
        inside = Path(folder).relative_to(place)
        folders[:] = [name for name in folders if (inside / name).as_posix() != "home/.cache"]
        found.update(dict.fromkeys(((inside / name).as_posix() for name in folders), "folder"))
        for name in files:
            data = (Path(folder) / name).read_bytes()
            if name.endswith(".json"):
                data = without_times(data)
            elif name == "card.md":
                data = re.sub(rb"Trained on \S+", b"", data)
            found[(inside / name).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def without_times(data: bytes) -> bytes:
    """Remove the entries of a record that differ between two runs of a command."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(one) for key, one in value.items() if key not in UNEQUAL}
        return [kept(one) for one in value] if isinstance(value, list) else value

    try:
        return json.dumps(kept(json.loads(data)), sort_keys=True).encode()
    except ValueError:
        return data


def seen(found: dict[str, str]) -> dict[str, str]:
    """Leave out the hidden folders of processes and their contents."""
    return {name: value for name, value in found.items() if ".epifiji-" not in name}


def kept_runs(place: Path) -> list[str]:
    """List kept parts of unfinished runs, and all other files in the caches."""
    cache = place / "home" / ".cache" / "epifiji"
    return sorted(
        path.relative_to(cache).as_posix() for path in cache.rglob("*") if not path.is_relative_to(cache / "java")
    )


@dataclass
class Trial:
    """The points of one command, tried one after the other."""

    command: Command
    folder: Path
    place: Path
    most: int
    found: Found = field(default_factory=Found)

    def run(self, errors: bool) -> Found:
        """Try all points."""
        points = self._prepared()
        changing, writing, syncing = (set(names.split(",")) for names in (CHANGING, WRITING, SYNCING))
        if not errors:
            for point in chosen(points, changing | writing, self.most):
                self._fresh()
                self._killed(point)
            return self.found
        for point in chosen(points, changing | writing | syncing, self.most):
            for error in ERRORS[point.call]:
                if error != "ENOSPC" or point.call not in WITHOUT_ENOSPC:
                    self._fresh()
                    self._failed(point, error)
        return self.found

    def _prepared(self) -> list[Point]:
        """Make the initial state, and run the command twice without a fault; both runs must give the same files."""
        self.start = self.folder / "start"
        for path in (self.start, self.place):
            shutil.rmtree(path, ignore_errors=True)
        self.place.mkdir()
        write_inputs(self.place)
        for step in self.command.before:
            code, said = self._run(step)
            assert code == 0, (step, said)
        if self.command.stop_at:
            shutil.copytree(self.place, self.start, symlinks=True)
            before = next(one for one in self._points() if one.call == "rename" and self.command.stop_at in one.what)
            self._fresh()
            self._run(self.command.arguments, f"inject={before.call}:signal=KILL:when={before.number}", before.call)
            assert kept_runs(self.place)[1:], before
            shutil.rmtree(self.start)
        shutil.copytree(self.place, self.start, symlinks=True)
        self.before = seen(contents(self.place))
        points = self._points()
        self.after = contents(self.place)
        assert self.before != self.after == seen(self.after)
        self._fresh()
        assert self._run(self.command.arguments)[0] == 0
        again = contents(self.place)
        assert again == self.after, [name for name in again | self.after if again.get(name) != self.after.get(name)]
        self.kept_after = kept_runs(self.place)
        self.found.calls = Counter(point.call for point in points)
        return points

    def _points(self) -> list[Point]:
        calls = f"trace={CHANGING},{WRITING},{SYNCING}"
        code, said = started(self.command.arguments, self.folder / "log", ["-e", calls])
        assert code == 0, said
        return listed_points(self.folder / "log", self.place)

    def _fresh(self) -> None:
        shutil.rmtree(self.place)
        shutil.copytree(self.start, self.place, symlinks=True)

    def _run(self, arguments: Sequence[str], inject: str = "", call: str = "") -> tuple[int, str]:
        strace = ["-e", f"trace={call}", "-e", inject] if inject else []
        return started(arguments, self.folder / "log", strace)

    def _at(self, point: Point) -> bool:
        """Return whether the fault happened at this point."""
        lines = [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if CALL.match(line)]
        return len(lines) >= point.number and shortened(lines[point.number - 1], self.place) == point.what

    def _killed(self, point: Point) -> None:
        code, _ = self._run(self.command.arguments, f"inject={point.call}:signal=KILL:when={point.number}", point.call)
        if code != -signal.SIGKILL or not self._at(point):
            self.found.elsewhere += 1
            return
        self.found.tried += 1
        if seen(contents(self.place)) not in (self.before, self.after):
            self.found.mixed_until_read += 1
        self._read_and_again(point, "killed")

    def _read_and_again(self, point: Point, how: str) -> None:
        code, said = self._run(self.command.read)
        if "Traceback" in said or "went wrong inside" in said:
            self._wrong(point, f"{how}, then reading: {said}")
        now = seen(contents(self.place))
        if now not in (self.before, self.after):
            other = [name for name in now | self.after if now.get(name) != self.after.get(name)]
            self._wrong(point, f"{how}, between: not as after: {other}")
        done = now == self.after
        code, said = self._run(self.command.read if done and not self.command.repeats else self.command.arguments)
        if code != 0 and not done:
            self._wrong(point, f"{how}, next run: {code} {said}")
        now = contents(self.place)
        if now != self.after:
            other = [name for name in now | self.after if now.get(name) != self.after.get(name)]
            self._wrong(point, f"{how}, after the next run: {other}")
        if not done and kept_runs(self.place) != self.kept_after:
            self._wrong(point, f"{how}, kept after the next run: {kept_runs(self.place)}")

    def _failed(self, point: Point, error: str) -> None:
        code, said = self._run(
            self.command.arguments, f"inject={point.call}:error={error}:when={point.number}", point.call
        )
        if not self._at(point):
            self.found.elsewhere += 1
            return
        self.found.tried += 1
        now = seen(contents(self.place))
        state = "after" if now == self.after else "before" if now == self.before else "between"
        self.found.ends[f"exit code {code}, files as {state}" if state != "between" else "between"] += 1
        how = f"{error}, exit code {code}, {state}"
        if state == "between" or (code == 0 and state != "after"):
            self._wrong(point, f"{how}: {said}")
        if code and not self._is_sentence(said, error):
            self._wrong(point, f"{how}, said: {said}")
        if code not in (0, 2) and not (error == "EIO" and code == 1):
            self._wrong(point, how)
        self._read_and_again(point, how)

    def _is_sentence(self, said: str, error: str) -> bool:
        lines = [line for line in said.splitlines() if line.startswith("epifiji: ")]
        reason = os.strerror(getattr(errno, error))
        return (
            len(lines) == 1
            and "Traceback" not in said
            and reason in lines[0]
            and str(self.place) in lines[0]
            and ".epifiji-" not in lines[0]
        )

    def _wrong(self, point: Point, what: str) -> None:
        self.found.wrong.append(f"{point.call} {point.number} ({point.what}): {' '.join(what.split())[:600]}")


def lines_of(name: str, found: Found) -> Iterator[str]:
    """Describe the results for a command."""
    calls = ", ".join(f"{count} {call}" for call, count in found.calls.most_common())
    yield f"{name}: {sum(found.calls.values())} calls ({calls})"
    ends = "; ".join(f"{count} {end}" for end, count in found.ends.most_common())
    yield f"    tried {found.tried}, elsewhere {found.elsewhere}, mixed until read {found.mixed_until_read}; {ends}"
    yield f"    wrong {len(found.wrong)}"
    yield from (f"        {text}" for text in found.wrong)


def main() -> None:
    """Try commands, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="The working folder; it may not exist yet.")
    parser.add_argument("--only", help="Names of commands or their beginnings, separated by semicolons.")
    parser.add_argument("--errors", action="store_true", help="Let calls fail instead of killing the process.")
    parser.add_argument("--most", type=int, default=10_000, help="The largest number of points of a command.")
    given = parser.parse_args()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "place"
    for name in [name for name in os.environ if name.startswith(("XDG_", "EPIFIJI_"))]:
        del os.environ[name]
    names = given.only.split(";") if given.only else [""]
    os.environ |= {"HOME": str(place / "home"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    import_everything()
    for command in commands(place):
        if any(command.name.startswith(name) for name in names):
            begun = time.monotonic()
            found = Trial(command, folder, place, given.most).run(given.errors)
            print("\n".join(lines_of(command.name, found)), f"\n    {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
