"""The report of an evaluation of networks for cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from epifiji.data.evaluation import QualityDifference, in_words, score_text
from epifiji.files.results.cell_comparisons import picture_name
from epifiji.files.results.evaluations import DIFFERENCES_TABLE, IMAGES_TABLE, PICTURE, SCORES_TABLE
from epifiji.jobs.cells.compare import CellComparison
from epifiji.jobs.scoring.report import Evaluation, Rows, spread, verdict


@dataclass(frozen=True, eq=False)
class NetworkOnCells:
    """Evaluation of a network that segments cells.

    Parameters
    ----------
    name
        Its name here: its own name if no other network has it.
    source, sha256
        Where it was read from, and the hash of its weights.
    comparison
        Its cells compared with the annotated ones.
    seconds
        Time for all images.
    learnt_from
        Names of the evaluated images that were in its training or validation set.
    """

    name: str
    source: str
    sha256: str
    comparison: CellComparison
    seconds: float
    learnt_from: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CellEvaluation(Evaluation):
    """Scores of networks on images with annotated cells.

    Parameters
    ----------
    networks
        In the order given.
    differences
        Of the segmentation quality of every two networks.
    record
        Settings, images and versions, to repeat the evaluation.
    notices
        Sentences about what was left out and what to consider.
    """

    networks: tuple[NetworkOnCells, ...]
    differences: tuple[QualityDifference, ...]
    record: dict[str, Any]
    notices: tuple[str, ...] = ()

    evaluated_on = "images"

    def __repr__(self) -> str:
        return f"<CellEvaluation of {', '.join(one.name for one in self.networks)}: {len(self._fields)} images>"

    @property
    def conclusion(self) -> str:
        """State in one sentence which network has the better segmentation quality, if the data show it; for one, its scores."""
        values = {one.name: one.comparison.quality.value for one in self.networks}
        if len(values) == 1 or None in values.values():
            text = "; ".join(map(_scores_in_words, self.networks))
        else:
            text = verdict("quality", {name: value or 0.0 for name, value in values.items()}, self.differences)
        return self._with_warning(text, [one.name for one in self.networks if one.learnt_from])

    @property
    def _fields(self) -> list[str]:
        return [one.name for one in self.networks[0].comparison.fields]

    def columns(self) -> list[str]:
        """Return the headings of a table for people."""
        image, *others = self.networks[0].comparison.columns()
        return [image, "network", *others]

    def rows(self) -> list[list[str]]:
        """Return a row of texts for each image and network, and one of all images with the intervals of AP, F1 and quality."""
        found = []
        for number, image in enumerate(self._fields):
            found += [
                [image, self._shown_name(one.name, one.learnt_from), *one.comparison.field_row(number)]
                for one in self.networks
            ]
        for one in self.networks:
            pooled = one.comparison
            of_all = pooled.together() | {key: in_words(getattr(pooled, key)) for key in ("ap", "f1", "quality")}
            texts = [value if isinstance(value, str) else score_text(value) for value in of_all.values()]
            found.append(["all", self._shown_name(one.name, one.learnt_from), *texts])
        return found

    def difference_columns(self) -> list[str]:
        """Return the headings of a table of differences."""
        return ["networks", "difference of quality", "p"]

    def difference_rows(self) -> list[list[str]]:
        """Return a row of texts for each difference."""
        return [[f"{one.network} - {one.other}", in_words(one.quality), f"{one.p:.4f}"] for one in self.differences]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types, unrounded; undefined values are None."""
        networks = [
            {key: getattr(one, key) for key in ("name", "source", "sha256", "seconds")}
            | {"learnt_from": list(one.learnt_from), **one.comparison.to_dict()}
            for one in self.networks
        ]
        return {
            **self.record,
            "networks": networks,
            "differences": [asdict(difference) | {"telling": difference.telling} for difference in self.differences],
            "conclusion": self.conclusion,
            "notices": list(self.notices),
        }

    def _tables(self) -> dict[str, Rows]:
        tables = self._score_table(), self._difference_table(), self._image_table()
        return dict(zip((SCORES_TABLE, DIFFERENCES_TABLE, IMAGES_TABLE), tables, strict=True))

    def _pictures(self) -> dict[str, Callable[[Path], None]]:
        from epifiji.files.figures.cells import draw_outcomes, draw_outcomes_by_network
        from epifiji.files.figures.curves import draw_cell_evaluation

        scores = {one.name: (one.comparison.fields, one.comparison.quality) for one in self.networks}
        pictures: dict[str, Callable[[Path], None]] = {PICTURE: partial(draw_cell_evaluation, networks=scores)}
        for number, image in enumerate(self._fields):
            panels = {one.name: one.comparison.compared[number] for one in self.networks}
            alone = partial(draw_outcomes, field=self.networks[0].comparison.compared[number])
            pictures[picture_name(image)] = (
                alone if len(panels) == 1 else partial(draw_outcomes_by_network, panels=panels)
            )
        return pictures

    def _score_table(self) -> Iterator[dict[str, Any]]:
        for one in self.networks:
            found = one.comparison
            intervals = {
                key: spread(key, getattr(found, key)) for key in ("precision", "recall", "f1", "ap", "quality")
            }
            yield {
                "network": one.name,
                "images": len(found.fields),
                "images_learnt_from": len(one.learnt_from),
                "iou": found.iou,
                **{key: value for key, value in found.together().items() if key not in intervals},
                **{name: value for columns in intervals.values() for name, value in columns.items()},
            }

    def _difference_table(self) -> Iterator[dict[str, Any]]:
        for one in self.differences:
            names = {"network": one.network, "other": one.other}
            yield {**names, **spread("quality_difference", one.quality), "p": one.p, "telling": int(one.telling)}

    def _image_table(self) -> Iterator[dict[str, Any]]:
        for one in self.networks:
            for row in one.comparison.to_dict()["images"]:
                yield {"network": one.name, **row}


def _scores_in_words(network: NetworkOnCells) -> str:
    found = network.comparison
    cells = sum(one.annotated for one in found.fields)
    return (
        f"{network.name}: quality {in_words(found.quality)}, and at an IoU of {found.iou:g} AP {in_words(found.ap)} and F1 "
        f"{in_words(found.f1)}, {cells} annotated cells"
    )
