"""How often the intervals of scores that are expected from a review contain the truth, and how good the recommended threshold is.

    python benchmarks/review_estimates.py --reviews 1000

Each simulated review has 150 to 1,500 events with beta-distributed scores, and 60 decisions at random. The probability that an
event is right depends on its rank by score in one of four ways. Precision, recall and F1 are compared with their true values
at three thresholds, and the F1 at the recommended threshold with the best one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from epifiji.engine.metrics.review_estimates import THRESHOLDS, expect

SHAPES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "logistic": lambda ranks, random: 1 / (1 + np.exp(-random.normal(0.5, 1.5) - random.uniform(1, 8) * (ranks - 0.5))),
    "step": lambda ranks, random: np.where(
        ranks > random.uniform(0.2, 0.7), random.uniform(0.85, 1), random.uniform(0, 0.4)
    ),
    "linear": lambda ranks, random: np.clip(random.uniform(0, 0.5) + random.uniform(0.3, 1) * ranks, 0, 1),
    "flat": lambda ranks, random: np.full(len(ranks), random.uniform(0.3, 0.95)),
}


def main() -> None:
    """Simulate reviews and print a row for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=1000)
    parser.add_argument("--decisions", type=int, default=60)
    parser.add_argument(
        "--seed", type=int, default=13, help="11 and 12 chose the settings of the process, and do not judge them"
    )
    options = parser.parse_args()
    for name, shape in SHAPES.items():
        random = np.random.default_rng(options.seed)
        inside: dict[str, list[bool]] = {"precision": [], "recall": [], "f1": []}
        gaps = []
        started = time.perf_counter()
        for review in range(options.reviews):
            count = int(random.integers(150, 1500))
            scores = random.beta(*random.uniform(0.6, 3, 2), count)
            truth = random.random(count) < shape(scores.argsort().argsort() / count, random)
            decided = set(random.choice(count, options.decisions, replace=False).tolist())
            found = expect(scores, [bool(one) if n in decided else None for n, one in enumerate(truth)], seed=review)
            above = scores > np.arange(THRESHOLDS)[:, None] / 255
            right, events = (above & truth).sum(1), above.sum(1)
            f1 = 2 * right / (events + truth.sum())
            for share in (0.1, 0.4, 0.7):
                threshold = int(np.quantile(scores, share) * 255)
                values = right[threshold] / events[threshold], right[threshold] / truth.sum(), f1[threshold]
                for score, value in zip(inside, values, strict=True):
                    interval = found.interval(score, threshold)
                    if interval.low is not None and interval.high is not None:
                        inside[score].append(interval.low - 1e-9 <= value <= interval.high + 1e-9)
            gaps.append(f1.max() - f1[np.nanargmax(found.mean("f1"))])
        covered = ", ".join(f"{score} {np.mean(hits):.3f}" for score, hits in inside.items())
        near = np.mean(np.array(gaps) < 0.02)
        each = (time.perf_counter() - started) / options.reviews
        print(
            f"{name}: {covered}; F1 within 0.02 of the best in {near:.2f} of reviews; {each * 1e3:.0f} ms each",
            flush=True,
        )


if __name__ == "__main__":
    main()
