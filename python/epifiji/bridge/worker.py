"""The former name of the worker module. Fiji folders with an earlier EpiFiji installed still start it by this name."""

from __future__ import annotations

from epifiji.bridge.fiji.worker import do_task, main

__all__ = ["do_task", "main"]

if __name__ == "__main__":
    main()
