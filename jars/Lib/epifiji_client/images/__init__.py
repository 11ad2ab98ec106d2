"""Open movies, their ROIs and pictures (Jython 2.7)."""
