"""Windows in which events are reviewed (Jython 2.7)."""
