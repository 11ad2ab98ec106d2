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
        self._tests, self._sorted, self._counts, self._over_time = [], None, None, None
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
        self._sorted = None
        self.refresh()

    def refresh(self):
        """Compute the shown events and their order."""
        if self._sorted is None:
            self._sorted = self._all_sorted()
        self.session.set_order(self._passing(self.session.items, self._sorted))
        self._over_time = None

    def update(self, changed):
        """Remove changed events that no longer pass, and add those that now do; the others keep their places."""
        session, order = self.session, self.session.order
        if not changed:
            return
        self._sorted = self._counts = self._over_time = None
        for index in changed:
            is_shown = index < len(session.items) and self._passing(session.items, [index])
            if session.place(index) is None and is_shown:
                place = session.place()
                place = len(order) if place is None else place + 1
                order = order[:place] + [index] + order[place:]
            elif session.place(index) is not None and not is_shown:
                order = [other for other in order if other != index]
        if order is not session.order:
            session.set_order(order)

    def counts(self):
        """Return how many events each class has."""
        if self._counts is None:
            self._counts = dict((kind["name"], 0) for kind in self.session.classes)
            for item in self.session.items:
                self._counts[item["event"]] = self._counts.get(item["event"], 0) + 1
        return self._counts

    def over_time(self):
        """Return the shown events of each frame, as indexes, and how many of each class and frame are not rejected."""
        if self._over_time is None:
            frames, marks, items = {}, {}, self.session.items
            for index in self.session.order:
                if index < len(items):
                    item = items[index]
                    frame = item["frame"]
                    frames.setdefault(frame, []).append(index)
                    mark = item["event"], frame
                    marks[mark] = marks.get(mark, 0) + (item["decision"] != "reject")
            self._over_time = frames, marks
        return self._over_time

    def _all_sorted(self):
        items, column = self.session.items, self.column
        found = range(len(items))
        # Two sorts, of which the second keeps the order of equal events.
        if column != "frame":
            found.sort(key=lambda index: items[index]["frame"])
        found.sort(key=lambda index: _sortable(items[index][column]), reverse=self.descending)
        return found

    def _passing(self, items, indexes):
        """Return those of the indexes whose events are shown."""
        if self.hidden:
            indexes = [index for index in indexes if items[index]["event"] not in self.hidden]
        for test in self._tests:
            indexes = test(items, indexes)
        return indexes


def _sortable(value):
    return -1.0 if value is None else value


def _test(word):
    """Return the function that selects the events that a word of the filter means, from events and indexes."""
    compared = COMPARISON.match(word)
    if not compared:
        return lambda items, indexes: _described(word, items, indexes)
    key, sign, number = compared.groups()
    compare, limit = OPERATORS[sign], float(number)
    return lambda items, indexes: [index for index in indexes
                                   if items[index][key] is not None and compare(items[index][key], limit)]


def _described(word, items, indexes):
    """Return the indexes of the events whose class or decision contains a word."""
    found, known = [], {}
    for index in indexes:
        item = items[index]
        kind = item["event"], item["decision"], item["added"]
        if kind not in known:
            known[kind] = word in kind[0].lower() or word in WORDS[kind[1]] or kind[2] and word in "added"
        if known[kind]:
            found.append(index)
    return found
