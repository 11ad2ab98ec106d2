"""Which events of a review the navigator shows, and in which order: classes, filter and sorting; no windows (Jython 2.7)."""
import operator
import re
from bisect import bisect_right
from itertools import compress

from epifiji_client.events.review_session import WORDS

COLUMNS = ("event", "frame", "score", "x", "y", "opinion", "decision")
"""What events can be sorted by."""

COMPARISON = re.compile(r"(frame|score|x|y)(<=|>=|=|<|>)(-?[0-9]*\.?[0-9]+)$")
SPACES = re.compile(r"\s*(<=|>=|=|<|>)\s*")
OPERATORS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq}


class ShownEvents(object):
    """The events of a session that pass the filter and whose classes are shown, sorted.

    A filter consists of words, all of which must apply: parts of a class, decision or second opinion, or comparisons such
    as frame>20.
    """

    def __init__(self, session):
        self.session, self.values = session, Columns(session.items)
        self.hidden = set()
        self.text, self.column, self.descending = "", "frame", False
        self._tests, self._sorted, self._by_frame, self._over_time = [], None, None, None
        self._holds = None
        self.refresh()

    def filter(self, text):
        """Show only the events that a text describes."""
        self.text = text.strip().lower()
        self._tests = [_test(word) for word in SPACES.sub(r"\1", self.text).split()]
        self.refresh()

    def only(self, holds):
        """List only the events for which holds(event) is true; the others stay visible on the movie."""
        self._holds = holds
        self.refresh()

    def take_over(self, earlier):
        """Filter, hide classes and sort as the earlier shown events of the same results."""
        self.hidden.update(earlier.hidden)
        self.column, self.descending, self._sorted = earlier.column, earlier.descending, None
        self.filter(earlier.text)

    def show_class(self, name, is_shown):
        """Show or hide the events of a class."""
        (self.hidden.discard if is_shown else self.hidden.add)(name)
        self.refresh()

    def sort(self, column):
        """Sort by a column, or reverse the order if it is already sorted by it."""
        self.descending = column == self.column and not self.descending
        self.column, self._sorted = column, None
        self.refresh()

    def take_opinions(self):
        """Take over the second opinions that the session has now."""
        self.values, self._sorted = Columns(self.session.items), None
        self.refresh()

    def refresh(self):
        """Compute the shown events and their order."""
        if self._by_frame is None:
            self._by_frame = self._all_sorted("frame", False)
        if self._sorted is None:
            is_by_frame = self.column == "frame" and not self.descending
            self._sorted = self._by_frame if is_by_frame else self._all_sorted(self.column, self.descending)
        by_frame = self._passing(self._by_frame)
        self.session.set_order(self._listed(by_frame if self._sorted is self._by_frame else self._passing(self._sorted)))
        self._over_time = OverTime(by_frame, self.values)

    def update(self, changed):
        """Remove changed events that no longer pass, and add those that now do; the others keep their places."""
        session, order = self.session, self.session.order
        for index in changed:
            self._over_time.remove(index, self.values)
            other_place = self.values.update(session.items, index)
            if self.column in other_place:
                self._sorted = None
            if "frame" in other_place:
                self._sorted = self._by_frame = None
            is_shown = index < len(session.items) and self._passing([index])
            is_listed = is_shown and self._listed([index])
            if session.place(index) is None and is_listed:
                place = session.place()
                place = len(order) if place is None else place + 1
                order = order[:place] + [index] + order[place:]
            elif session.place(index) is not None and not is_listed:
                order = [other for other in order if other != index]
            if is_shown:
                self._over_time.add(index, self.values)
        if order is not session.order:
            session.set_order(order)

    def counts(self):
        """Return how many events each class has."""
        return self.values.counts()

    def over_time(self):
        """Return the shown events by frame; see OverTime."""
        return self._over_time

    def _all_sorted(self, column, descending):
        # Sorting by frame first and then by a column, which keeps the order of equal events.
        found = range(len(self.session.items)) if self._by_frame is None else list(self._by_frame)
        found.sort(key=self.values.column(column).__getitem__, reverse=descending)
        return found

    def _listed(self, indexes):
        """Return those of the indexes whose events are listed and not only visible on the movie."""
        items = self.session.items
        return indexes if self._holds is None else [index for index in indexes if self._holds(items[index])]

    def _passing(self, indexes):
        """Return those of the indexes whose events are shown."""
        if self.hidden:
            indexes = self.values.with_kinds(indexes, lambda event, decision, added, verdict: event not in self.hidden)
        for test in self._tests:
            indexes = test(self.values, indexes)
        return indexes


class Columns(object):
    """The values of all events by column, in which thousands are compared faster than in the events themselves.

    Class, decision, whether an event was added, and the verdict of its second opinion together are its kind, a small number.
    """

    def __init__(self, items):
        self._numbers, self._kinds, self._counts = {}, [], None
        self.kinds = [self._kind_of(item) for item in items]
        self._columns = dict((key, map(operator.itemgetter(key), items)) for key in COLUMNS)
        self._columns["score"] = map(_sortable, self._columns["score"])

    def column(self, key):
        """Return the values of a column; a missing score is -1."""
        return self._columns[key]

    def update(self, items, index):
        """Take over a changed, added or removed event; return the columns by which its place may have changed."""
        self._counts = None
        if index >= len(items):
            for values in self._columns.values() + [self.kinds]:
                values.pop()
            return COLUMNS
        before = [self._columns[name][index] if index < len(self.kinds) else None for name in COLUMNS]
        for name in COLUMNS:
            self._columns[name][index:index + 1] = [_sortable(items[index][name])]
        self.kinds[index:index + 1] = [self._kind_of(items[index])]
        return [name for name, value in zip(COLUMNS, before) if value != self._columns[name][index]]

    def with_kinds(self, indexes, applies):
        """Return the indexes of the events to whose kind a function applies."""
        known, kinds = [bool(applies(*kind)) for kind in self._kinds], self.kinds
        if len(set(known)) == 1:
            return indexes if known[0] else []
        # As a comprehension, but in compiled functions.
        return list(compress(indexes, map(known.__getitem__, map(kinds.__getitem__, indexes))))

    def kind_of_number(self, number):
        """Return class, decision, added and verdict of a kind."""
        return self._kinds[number]

    def counts(self):
        """Return how many events each class has."""
        if self._counts is None:
            self._counts = {}
            for number, (event, _, _, _) in enumerate(self._kinds):
                self._counts[event] = self._counts.get(event, 0) + self.kinds.count(number)
        return self._counts

    def _kind_of(self, item):
        kind = item["event"], item["decision"], item["added"], item["verdict"]
        if kind not in self._numbers:
            self._numbers[kind] = len(self._kinds)
            self._kinds.append(kind)
        return self._numbers[kind]


class OverTime(object):
    """Shown events by frame: their indexes, and how many of each class are not rejected. by_frame are those that pass, sorted."""

    def __init__(self, by_frame, values):
        frames, kinds = (map(column.__getitem__, by_frame) for column in (values.column("frame"), values.kinds))
        self._indexes, self._marks, first = {}, {}, 0
        # Frame by frame, because Jython needs much longer for a step of a loop than for a function on many values.
        while first < len(by_frame):
            frame = frames[first]
            end = bisect_right(frames, frame, first)
            self._indexes[frame] = by_frame[first:end]
            self._marks[frame] = self._counted(kinds[first:end], values)
            first = end

    def indexes(self, frame):
        """Return the shown events of a frame."""
        return self._indexes.get(frame, ())

    def marks(self):
        """Return numbers of events by (class, frame)."""
        return dict(((event, frame), count) for frame, counts in self._marks.items() for event, count in counts.items())

    def remove(self, index, values):
        """Remove an event, before its values change."""
        frame = values.column("frame")[index] if index < len(values.kinds) else None
        if index in self.indexes(frame):
            self._set(frame, [other for other in self._indexes[frame] if other != index], values)

    def add(self, index, values):
        """Add an event with the values that it has now."""
        frame = values.column("frame")[index]
        self._set(frame, list(self.indexes(frame)) + [index], values)

    def _set(self, frame, indexes, values):
        # Replaced and never changed: windows read them on another thread.
        self._indexes[frame] = indexes
        self._marks[frame] = self._counted([values.kinds[index] for index in indexes], values)

    def _counted(self, kinds, values):
        counts = {}
        for number in set(kinds):
            event, decision, _, _ = values.kind_of_number(number)
            counts[event] = counts.get(event, 0) + (decision != "reject" and kinds.count(number))
        return counts


def _sortable(value):
    return -1.0 if value is None else value


def _test(word):
    """Return the function that selects the events that a word of the filter means, from columns and indexes."""
    compared = COMPARISON.match(word)
    if not compared:
        return lambda values, indexes: values.with_kinds(
            indexes, lambda event, decision, added, verdict:
                word in event.lower() or word in WORDS[decision] or word in verdict or added and word in "added")
    key, sign, number = compared.groups()
    compare, limit = OPERATORS[sign], float(number)
    return lambda values, indexes: _compared(values.column(key), compare, limit, indexes)


def _compared(column, compare, limit, indexes):
    return [index for index in indexes if compare(column[index], limit) and column[index] >= 0]
