"""Files of a training: the new network's folder with its card, figures and a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from epifiji.data.network import AnyNetwork, Network
from epifiji.data.training import CellValidationScores, Point, ValidationScores
from epifiji.files.figures.training import LEARNING_CURVE, draw_learning_curve
from epifiji.files.networks.store import find_network, read_network, write_network
from epifiji.files.storage.atomic import Change
from epifiji.jobs.new_network import Target

RECORD = "training.json"


class Summary(Protocol):
    """What a training's files say about its scores; it depends on the network's task."""

    figures: ClassVar[tuple[str, ...]]
    """Names of its figures, except the learning curve."""

    curve: ClassVar[tuple[str, str, str]]
    """Labels of the learning curve: its axis, F1, and the criterion by which the best step is chosen."""

    nothing_held_out: ClassVar[str]
    """A text for figures if nothing could be held out."""

    caveat: ClassVar[str]
    """A sentence of the network's card about its scores."""

    def in_words(self, name: str, after: Any, before: Any) -> tuple[str, bool]:
        """Summarise the scores after and before a training in one sentence; return it with whether to use the network."""

    def draw(self, folder: Path, name: str, after: Any, before: Any) -> None:
        """Draw the figures of a network's scores."""

    def learnt_from(self, record: Mapping[str, Any]) -> str:
        """Return a text on sources and division from the record."""


def report_files(figures: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a training's record and figures."""
    return (RECORD, LEARNING_CURVE, *figures)


@dataclass(frozen=True)
class TrainingResult:
    """A trained network and its scores.

    Parameters
    ----------
    network
        The network as it was written.
    folder
        Its folder.
    sentence
        A summary of the gain on held-out events or cells, and whether to use the new network.
    use
        Whether to use the new network.
    after, before
        Scores of the new and the initial network on held-out events or cells; None if there are none, or no network to
        compare with.
    points
        The course of the training.
    files
        Figures and record.
    notices
        Sentences for the user.
    record
        Content of ``training.json``.
    """

    network: AnyNetwork
    folder: Path
    sentence: str
    use: bool
    after: ValidationScores | CellValidationScores | None
    before: ValidationScores | CellValidationScores | None
    points: tuple[Point, ...]
    files: tuple[Path, ...]
    notices: tuple[str, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<TrainingResult {self.network.description.name} in {self.folder}: {self.sentence}>"

    @property
    def began_with(self) -> str | None:
        """Name of the network that the training began with; None if it began with random weights."""
        parent = self.record.get("parent")
        return parent["name"] if parent else None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON types."""
        return {
            "network": self.network.description.name,
            "began_with": self.began_with,
            "folder": str(self.folder),
            "sentence": self.sentence,
            "use": self.use,
            "after": self.after.to_dict() if self.after else None,
            "before": self.before.to_dict() if self.before else None,
            "steps": self.points[-1].step if self.points else 0,
            "files": [str(file) for file in self.files],
            "notices": list(self.notices),
        }


def write_trained(
    network: AnyNetwork,
    target: Target,
    parent: AnyNetwork | None,
    summary: Summary,
    after: Any,
    before: Any,
    points: Iterable[Point],
    chosen: int,
    record: dict[str, Any],
    notices: Iterable[str],
) -> TrainingResult:
    """Write a trained network, its figures and its record, all or nothing.

    Parameters
    ----------
    parent
        The initial network.
    after, before
        Scores on what was held out; None if nothing was, or there is no network to compare with.
    chosen
        The step with the chosen weights.
    record
        Further entries of the record.
    """
    points = tuple(points)
    sentence, use = summary.in_words(target.name, after, before)
    record = record | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "result": sentence,
        "use": use,
        "parent": parent and {"name": parent.description.name, "sha256": parent.sha256, "source": parent.source},
        **{name: scores and scores.to_dict() for name, scores in (("after", after), ("before", before))},
        "chosen_step": chosen,
        "points": [asdict(point) for point in points],
    }
    provenance = _provenance(record, sentence, summary)
    described = network.description.model_copy(update={"name": target.name, "provenance": provenance})
    network = Network(described, network.weights)
    names = report_files(summary.figures)

    def write_report(change: Change, folder: Path) -> None:
        folder = folder if target.out is None else change.add(target.out, names)
        (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draw_learning_curve(
            folder / LEARNING_CURVE, target.name, points, chosen, summary.curve, summary.nothing_held_out
        )
        summary.draw(folder, target.name, after, before)

    write_network(network, target.folder, target.overwrite, more=write_report)
    return TrainingResult(
        read_network(find_network(target.folder)),
        target.folder,
        sentence,
        use,
        after,
        before,
        points,
        tuple((target.out or target.folder) / name for name in names),
        tuple(notices),
        record,
    )


def _provenance(record: dict[str, Any], sentence: str, summary: Summary) -> str:
    """Return the text of the card on the training set, and the scores on what was held out."""
    parent = record["parent"]
    began = f"Began with {parent['name']} (SHA-256 {parent['sha256'][:16]})." if parent else "Began with nothing."
    return (
        f"Trained on {record['created'][:10]} with EpiFiji {record['versions']['epifiji']}. {began} "
        f"Learnt from {summary.learnt_from(record)}.\n\n{sentence} {summary.caveat}"
    )
