"""``python -m epifiji``."""

from epifiji.bridge.cli.main import main

main()
