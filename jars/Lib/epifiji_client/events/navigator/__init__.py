"""The window that shows all events of a movie (Jython 2.7)."""
