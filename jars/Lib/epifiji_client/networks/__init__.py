"""Networks and trainings (Jython 2.7)."""
