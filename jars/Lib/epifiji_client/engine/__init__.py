"""The connection with the engine, and the Python that runs it (Jython 2.7)."""
