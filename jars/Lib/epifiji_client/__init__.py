"""EpiFiji's commands in ImageJ and Fiji: the part in Jython 2.7. engine.connection sends what needs Python 3 to the engine."""
