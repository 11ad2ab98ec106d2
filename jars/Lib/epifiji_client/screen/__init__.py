"""Windows and the log: where they are, and what keys and clicks do (Jython 2.7)."""
