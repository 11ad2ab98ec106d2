"""The folder of a study: its protocol, its networks, a record of each finished run, tables and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.study import StudyProtocol, StudyRun
from epifiji.files.figures.studies import draw_learning_curve, draw_sweep, draw_variants
from epifiji.files.protocols import write_protocol
from epifiji.files.results.comparisons import Row, write_table
from epifiji.files.results.result_folder import write_record
from epifiji.files.storage.writable import new_files, require_absent

RECORD, PROTOCOL = "study.json", "protocol.yaml"
NETWORKS, RUNS = "networks", "runs"
RUNS_TABLE, SUMMARY_TABLE, SWEEP_TABLE = "runs.csv", "summary.csv", "sweep.csv"
CURVE, VARIANTS, SWEEP = "learning_curve.png", "variants.png", "sweep.png"


class StudyFolder:
    """The folder of a study.

    Parameters
    ----------
    folder
        Made if it does not exist.
    identity
        Plain JSON values that identify the protocol and its images.
    protocol
        Written into a new folder, so that the study can be repeated.

    Raises
    ------
    WrongInputError
        If it contains another study, or cannot be written to.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], protocol: StudyProtocol) -> None:
        self.folder = folder
        require_absent(folder, (RECORD,), overwrite=True)
        known = _read(folder / RECORD)
        if known is None and folder.exists() and any(folder.iterdir()):
            raise WrongInputError(f"{folder} is not empty and contains no study: specify another --out.")
        if known is not None and known.get("protocol") != identity:
            raise WrongInputError(
                f"{folder} contains a study with another protocol or other images, and results are not mixed: specify another "
                "--out."
            )
        if known is None:
            with new_files(folder, ()) as partial:
                write_record(partial / RECORD, {"epifiji": 1, "protocol": identity})
                write_protocol(partial / PROTOCOL, protocol, folder)

    def network_folder(self, run: StudyRun) -> Path:
        """Return the folder of a run's network."""
        return self.folder / NETWORKS / run.name

    def finished(self, run: StudyRun) -> dict[str, Any] | None:
        """Return the record of a finished run; None if it is not finished."""
        return _read(self._file(run))

    def finish(self, run: StudyRun, record: Mapping[str, Any]) -> None:
        """Write the record of a finished run."""
        with new_files(self._file(run).parent, ()) as partial:
            write_record(partial / self._file(run).name, record)

    def write(
        self, rows: Sequence[Row], summary: Sequence[Row], sweep: Sequence[Row], metric_names: Mapping[str, str]
    ) -> list[Path]:
        """Write tables and plots, and return them."""
        names = (RUNS_TABLE, SUMMARY_TABLE, SWEEP_TABLE, CURVE, VARIANTS, SWEEP)
        with new_files(self.folder, names) as partial:
            write_table(partial / RUNS_TABLE, rows)
            write_table(partial / SUMMARY_TABLE, summary)
            if len({row["images"] for row in summary}) > 1:
                draw_learning_curve(partial / CURVE, rows, metric_names)
            if len({row["variant"] for row in summary}) > 1:
                draw_variants(partial / VARIANTS, rows, metric_names)
            if sweep:
                write_table(partial / SWEEP_TABLE, sweep)
                draw_sweep(partial / SWEEP, sweep, metric_names)
            written = sorted(file.name for file in partial.iterdir())
        return [self.folder / name for name in written]

    def _file(self, run: StudyRun) -> Path:
        return self.folder / RUNS / f"{run.name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
