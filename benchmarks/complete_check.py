"""How often the intervals of recall from a complete check contain the recall of the whole movie.

    python benchmarks/complete_check.py --checks 1000

Each simulated movie has 150 boxes, with negative binomial numbers of events and a recall that differs between boxes by a beta
distribution: not at all, with a correlation of 0.1 or 0.25 between events of a box, or with 0.15 and the lowest recall in the
most crowded boxes. Boxes are drawn at random. There is a row for each of these, with the share of intervals that contain the
movie's recall, and their mean width, for 1, 3 and 10 boxes.
"""

from __future__ import annotations

import argparse

import numpy as np

from epifiji.data.evaluation import Counts
from epifiji.engine.metrics.box_estimates import recall_part, share_interval

IN_ALL = 150
KINDS = {
    "equal": (0.0, False),
    "correlation 0.1": (0.1, False),
    "correlation 0.25": (0.25, False),
    "crowded worse": (0.15, True),
}
BOXES = (1, 3, 10)


def simulated(
    random: np.random.Generator, events: float, recall: float, kind: tuple[float, bool]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of events and of found ones in each box of a movie."""
    correlation, crowded_worse = kind
    there = random.poisson(events * random.gamma(1.5, 1 / 1.5, IN_ALL))
    shares = np.full(IN_ALL, recall)
    if correlation:
        size = 1 / correlation - 1
        shares = random.beta(recall * size, (1 - recall) * size, IN_ALL)
    if crowded_worse:
        shares = np.sort(shares)[::-1][np.argsort(np.argsort(there + random.random(IN_ALL)))]
    return there, random.binomial(there, shares)


def main() -> None:
    """Simulate checks and print a row for each kind of movie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    shares: list[float] = []
    for recall in (0.7, 0.9, 0.97):
        for name, kind in KINDS.items():
            for events in (2, 8):
                row = []
                for boxes in BOXES:
                    inside, widths = [], []
                    while len(inside) < options.checks:
                        there, found = simulated(random, events, recall, kind)
                        drawn = random.choice(IN_ALL, boxes, replace=False)
                        counts = [
                            Counts(int(a), 0, int(b - a)) for a, b in zip(found[drawn], there[drawn], strict=True)
                        ]
                        one = share_interval(counts, IN_ALL, recall_part, len(inside))
                        if one.low is not None and one.high is not None:
                            inside.append(one.low <= found.sum() / there.sum() <= one.high)
                            widths.append(one.high - one.low)
                    shares.append(float(np.mean(inside)))
                    row.append(f"{boxes} boxes {shares[-1]:.3f} (width {np.mean(widths):.2f})")
                print(f"recall {recall}, {name}, {events} events a box: {'; '.join(row)}", flush=True)
    print(f"all: mean {np.mean(shares):.3f}, least {min(shares):.3f}")


if __name__ == "__main__":
    main()
