"""The worker by its former name, which Fiji folders start that an earlier EpiFiji was installed into."""

from __future__ import annotations

from epifiji.bridge.fiji.worker import do_task, main

__all__ = ["do_task", "main"]

if __name__ == "__main__":
    main()
