"""Lengths and times of a calibrated movie in micrometres and minutes (Jython 2.7)."""

UNITS = {"length": u"\u00b5m", "time": "min"}
SQUARE = 0.01


def pixels_per_unit(image, units):
    """Return how many pixels are one micrometre, and how many frames one minute, by measure; only what the movie's calibration has.

    units are the names of units by measure, and what is plausible, in micrometres and minutes; None if nothing is measured.
    """
    if image is None or not units:
        return {}
    scale, found = image.getCalibration(), {}
    square = abs(scale.pixelWidth - scale.pixelHeight) <= SQUARE * scale.pixelWidth
    given = {"length": (scale.pixelWidth * square, scale.getXUnit()), "time": (scale.frameInterval, scale.getTimeUnit())}
    for measure, (value, unit) in given.items():
        value *= units[measure]["names"].get((unit or "").lower(), 0)
        least, largest = units[measure]["plausible"]
        if least <= value <= largest:
            found[measure] = 1.0 / value
    return found


def is_number(text):
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def in_units(text, factor):
    """Return a text of pixels or frames in micrometres or minutes; a text that is no number stays."""
    return _text(float(text) / factor, 4) if is_number(text) else text


def in_pixels(text, factor, whole):
    """Return a text of micrometres or minutes in pixels or frames; a text that is no number stays."""
    return _text(float(text) * factor, 0 if whole else 6) if is_number(text) else text


def _text(value, digits):
    text = "%.*f" % (digits, value)
    return text.rstrip("0").rstrip(".") if "." in text else text
