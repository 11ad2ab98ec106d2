"""Cellpose's networks, which Cellpose itself computes, in a process of a Python that has it."""
