"""Commands on several movies or images: a failure of one does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from epifiji.bridge.failures import EXIT_CODES, describe_failure
from epifiji.bridge.streams import note
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.interrupts import Interrupted


class Batch:
    """The results and failures of a batch of movies or images so far: a failure of one does not stop the others."""

    def __init__(self, things: int) -> None:
        self._things = things
        self.summaries: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self.only_wrong_input = True

    @contextmanager
    def failures_reported(self, thing: str) -> Iterator[None]:
        """Report a failure and continue: a damaged file, a folder without write permission, a full disk."""
        try:
            yield
        except Interrupted as end:
            if not self.summaries:
                raise
            done = (
                f"{len(self.summaries)} of {self._things} movies are done; leave them out to continue with the others."
            )
            raise CancelledError(done) from end
        except Exception as problem:
            if self._things == 1 or isinstance(problem, CancelledError):
                raise
            sentence, kind = describe_failure(problem)
            self.failures.append(f"{thing}: {sentence}")
            self.only_wrong_input = self.only_wrong_input and kind == "input"
            note(f"epifiji: {self.failures[-1]}")

    def end(self, things: str) -> None:
        """End the command with an exit code if there were failures; `things` are what could not be used."""
        if self.failures:
            note(
                f"epifiji: {len(self.failures)} of {self._things} {things} could not be used (see above); the others are done."
            )
            raise typer.Exit(EXIT_CODES["input" if self.only_wrong_input else "failure"])


def require_separate_folders(movies: list[str], places: Mapping[str, Path]) -> None:
    """Refuse movies whose results would go into the same folder, and name them."""
    of_folder: dict[Path, list[str]] = {}
    for movie in movies:
        of_folder.setdefault(places[movie], []).append(movie)
    for folder, together in of_folder.items():
        if len(together) > 1:
            raise WrongInputError(
                f"{' and '.join(together[:3])} have the same name, so their results would mix in {folder}: give each movie "
                "once, or use separate calls with another --out."
            )
