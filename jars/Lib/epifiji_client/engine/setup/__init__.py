"""Sets up the Python that runs the engine, from the packages of a lock (Jython 2.7)."""
