"""The detection of events in many movies, one after the other (Jython 2.7)."""
