"""``python -m epifiji``."""

from epifiji.bridge.cli import main

main()
