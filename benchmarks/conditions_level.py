"""How often the test of conditions is significant in simulated experiments, against a test that counts events as independent.

    python benchmarks/conditions_level.py

Movies of a condition differ by a lognormal factor (standard deviation of its logarithm 0.5), and the numbers of
events are Poisson-distributed around 20.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from epifiji.engine.events.conditions import compare_conditions

SIZES = ((3, 3), (4, 4), (4, 5), (6, 6), (10, 10))
EXPERIMENTS = 600
SIGNIFICANT = 0.05


def main() -> None:
    print("movies     factor  test of movies  test of events")
    for sizes in SIZES:
        for factor in (1, 2, 4):
            random, of_movies, of_events = np.random.default_rng(11), 0, 0
            for number in range(EXPERIMENTS):
                means = [20 * factor**i * random.lognormal(0, 0.5, n) for i, n in enumerate(sizes)]
                first, second = (random.poisson(mean) for mean in means)
                test = compare_conditions([first.astype(float), second.astype(float)], number)
                of_movies += test is not None and test.p <= SIGNIFICANT
                pooled = (int(first.sum()), len(first), int(second.sum()), len(second))
                of_events += stats.poisson_means_test(*pooled).pvalue <= SIGNIFICANT
            shares = f"{of_movies / EXPERIMENTS:14.1%}  {of_events / EXPERIMENTS:14.1%}"
            print(f"{sizes!s:10} {factor:6}  {shares}")


if __name__ == "__main__":
    main()
