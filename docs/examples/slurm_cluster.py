"""Find the events of many movies on a cluster with SLURM: python slurm_cluster.py movies/*.tif --out results --jobs 8.

Needs pip install 'epifiji[cluster]'. Change `QUEUE` to what your cluster requires.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dask_jobqueue import SLURMCluster

QUEUE = {"cores": 1, "processes": 1, "job_cpu": 4, "memory": "8GB", "walltime": "02:00:00"}
"""What each job requests: one worker, which computes one block at a time on four cores, for two hours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movies", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--jobs", type=int, default=4, help="how many jobs to request")
    parser.add_argument("--partition", help="SLURM's partition")
    parser.add_argument("--network", help="name, folder or zip of a network")
    parser.add_argument("--show", action="store_true", help="only print the job's script")
    arguments = parser.parse_args()
    queue: dict[str, Any] = {**QUEUE, "queue": arguments.partition}
    with SLURMCluster(**queue, scheduler_options={"dashboard_address": None}) as cluster:
        if arguments.show:
            print(cluster.job_script())
            return
        cluster.scale(jobs=arguments.jobs)
        detect_all(arguments, cluster.scheduler_address)


def detect_all(arguments: argparse.Namespace, scheduler: str) -> None:
    """Detect the events of each movie; the workers share its blocks."""
    import epifiji

    for path in arguments.movies:
        result = epifiji.detect(path, network=arguments.network, scheduler=scheduler)
        folder = result.save(arguments.out / f"{result.movie.name}_epifiji")
        print(f"{path.name}: {result.counts}, {folder}")


if __name__ == "__main__":
    main()
