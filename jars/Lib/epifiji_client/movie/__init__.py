"""Movies that are cropped or rescaled with their ROIs (Jython 2.7)."""
