"""Result folders with a review in which the share of right events depends on the raw score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from epifiji.data.events import Event
from epifiji.data.review import Action, Review
from epifiji.files.networks.store import read_network
from epifiji.files.results.events_table import write_events
from epifiji.files.results.reviews import write_review


def reviewed(folder: Path, path: Path, events: int = 60, seed: int = 1, **record: object) -> Path:
    """Results with a review: an event of cell_death is right if its raw score is over 0.75, of cell_sop if it is over 0.5."""
    random = np.random.default_rng(seed)
    found = [
        Event(name, i, 10.0, 10.0, raw_score=float(raw), score=0.1)
        for name, count in (("cell_death", events), ("cell_sop", events // 2))
        for i, raw in enumerate(random.uniform(0.5, 1, count))
    ]
    review = Review(found)
    for i, event in enumerate(found):
        right = event.raw_score > (0.75 if event.event == "cell_death" else 0.5)
        review.do(Action(i, "keep" if right else "reject"))
    folder.mkdir(parents=True)
    write_events(folder / "events.csv", found)
    write_review(folder / "review.csv", review)
    known = {"network": {"name": "lab", "sha256": read_network(path).sha256}} | record
    (folder / "run.json").write_text(json.dumps(known))
    return folder
