"""Values in words (Jython 2.7)."""


def duration(seconds):
    """Return a time in words."""
    return "%d min" % round(seconds / 60) if seconds >= 90 else "%d s" % max(1, round(seconds))
