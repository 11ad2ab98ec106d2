"""How a command runs: parameters, dialog, log, positions of windows (Jython 2.7)."""
