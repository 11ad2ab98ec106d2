"""Which events of a review the navigator shows, and in which order: classes, filter and sorting; no windows (Jython 2.7)."""
import operator
import re

from epifiji_review_session import WORDS

COLUMNS = ("event", "frame", "score", "x", "y", "decision")
"""What events can be sorted by."""

COMPARISON = re.compile(r"(frame|score|x|y)(<=|>=|=|<|>)(-?[0-9]*\.?[0-9]+)$")
SPACES = re.compile(r"\s*(<=|>=|=|<|>)\s*")
OPERATORS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq}


class ShownEvents(object):
    """The events of a session that pass the filter and whose classes are shown, sorted.

    A filter consists of words, all of which must apply: parts of a class or decision, or comparisons such as frame>20.
    """

    def __init__(self, session):
        self.session = session
        self.hidden = set()
        self.text, self.column, self.descending = "", "frame", False
        self._tests = []
        self.refresh()

    def filter(self, text):
        """Show only the events that a text describes."""
        self.text = text.strip().lower()
        self._tests = [_test(word) for word in SPACES.sub(r"\1", self.text).split()]
        self.refresh()

    def show_class(self, name, is_shown):
        """Show or hide the events of a class."""
        (self.hidden.discard if is_shown else self.hidden.add)(name)
        self.refresh()

    def sort(self, column):
        """Sort by a column, or reverse the order if it is already sorted by it."""
        self.descending = column == self.column and not self.descending
        self.column = column
        self.refresh()

    def passes(self, item):
        """Return whether an event is shown."""
        return item["event"] not in self.hidden and all([test(item) for test in self._tests])

    def refresh(self):
        """Compute the shown events and their order."""
        items = self.session.items
        shown = [index for index, item in enumerate(items) if self.passes(item)]
        # Two sorts, of which the second keeps the order of equal events.
        if self.column != "frame":
            shown.sort(key=lambda index: items[index]["frame"])
        shown.sort(key=lambda index: _sortable(items[index][self.column]), reverse=self.descending)
        self.session.set_order(shown)

    def update(self, changed):
        """Remove changed events that no longer pass, and add those that now do; the others keep their places."""
        session, order = self.session, self.session.order
        for index in changed:
            is_shown = index < len(session.items) and self.passes(session.items[index])
            if session.place(index) is None and is_shown:
                place = session.place()
                place = len(order) if place is None else place + 1
                order = order[:place] + [index] + order[place:]
            elif session.place(index) is not None and not is_shown:
                order = [other for other in order if other != index]
        if order is not session.order:
            session.set_order(order)

    def counts(self):
        """Return how many events each class has, and how many of them are rejected, by class."""
        counts = dict((kind["name"], [0, 0]) for kind in self.session.classes)
        for item in self.session.items:
            count = counts.setdefault(item["event"], [0, 0])
            count[0] += 1
            count[1] += item["decision"] == "reject"
        return counts


def _sortable(value):
    return -1.0 if value is None else value


def _test(word):
    """Return the function of an event that a word of the filter means."""
    compared = COMPARISON.match(word)
    if compared:
        key, sign, number = compared.groups()
        compare, limit = OPERATORS[sign], float(number)
        return lambda item: item[key] is not None and compare(item[key], limit)
    return lambda item: word in item["event"].lower() or word in WORDS[item["decision"]] or item["added"] and word in "added"


def events_by_frame(session):
    """Return the shown events of each frame, as indexes."""
    frames = {}
    for index in session.order:
        frames.setdefault(session.items[index]["frame"], []).append(index)
    return frames
