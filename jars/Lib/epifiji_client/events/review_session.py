"""The state of a review: its events, their order, the current event, and the decisions; no windows (Jython 2.7).

The review's window and the navigator show the same session. The engine writes each decision to the review's file
before the session has it.
"""
import time

from epifiji_client.engine.errors import EngineError
from epifiji_client.images.movies import BETWEEN_EVENTS, BETWEEN_VALUES

CHANGES = ("class", "point", "add", "move")
"""Requests that change events; they are ignored if events are only scored."""

DECISIONS = ("keep", "reject", "skip")
WORDS = {"keep": "kept", "reject": "rejected", "skip": "skipped", "": "open"}
"""Decisions as they are shown."""

NO_OPINION = 10 ** 9
"""Place of events without a second opinion: after all others."""

SAME_PLACE_PX = 0.01
"""A click that would move an event by less is ignored: ImageJ stores positions in single precision."""


class ReviewSession(object):
    """A review of the engine's events on a movie with a number of frames.

    found is the engine's answer with the events; ask(job, request) does a job of the engine. begin is the request with
    which a review begins that is written only with its first decision, or None.
    """

    def __init__(self, found, frames, ask, begin=None):
        self.found, self.frames, self._ask, self._begin = found, frames, ask, begin
        self.items = [item_of(text) for text in found["items"].split(BETWEEN_EVENTS) if text]
        self.opinions = {}
        self.set_opinions(found.get("opinions"))
        self.classes = found["classes"]
        self.fixed = found.get("fixed", False)
        self.open = set([index for index, item in enumerate(self.items) if not item["decision"]])
        self.state = found
        self.pointing = None
        self.ended = self.is_changed = False
        self.order, self._place = [], (None, None, None)
        self.set_order(found["order"])
        self.item = self.order[found["place"]]
        self.frame = self.current()["frame"]
        self._since = time.time()

    def set_order(self, order):
        """Set which events are presented, as indexes, and in which order."""
        # Replaced and never changed: windows read it on another thread.
        self.order = order

    def set_opinions(self, text):
        """Take over second opinions as the engine writes them: in the order of disagreement, each with its event's index."""
        earlier, self.opinions = self.opinions, {}
        for place, one in enumerate(text.split(BETWEEN_EVENTS) if text else ()):
            index, event, verdict, reason = one.split(BETWEEN_VALUES, 3)
            self.opinions[int(index)] = event, place, verdict, reason
        for index in set(earlier).union(self.opinions):
            self._give_opinion(index)

    def _give_opinion(self, index):
        """Put the second opinion on an event into it, or none if the event now has another class."""
        event, place, verdict, reason = self.opinions.get(index, (None, NO_OPINION, "", ""))
        if event != self.items[index]["event"]:
            place, verdict, reason = NO_OPINION, "", ""
        self.items[index] = dict(self.items[index], opinion=place, verdict=verdict, reason=reason)

    def current(self):
        """Return the current event."""
        return self.items[self.item]

    def place(self, item=None):
        """Return the place of an event, by default the current one, in the order; None if it is not presented."""
        item, order, known = self.item if item is None else item, self.order, self._place
        if known[0] is not order or known[1] != item:
            # Faster for one event of thousands than a dictionary of all, which a new order would need.
            known = self._place = order, item, order.index(item) if item in order else None
        return known[2]

    def done(self):
        """Return how many of the presented events have a decision."""
        return len(self.order) - len(self.open.intersection(self.order))

    def do(self, what, value=None):
        """Do what a key, a click or a window asks for; return the indexes of the events that were changed.

        A removed event has the index after the last one.
        """
        if self.fixed and what in CHANGES:
            return []
        if what in ("end", "cancel"):
            self.ended = what == "end" and self.pointing is None
            self.pointing = None
        elif what in DECISIONS:
            return self._decide(what)
        elif what == "undo":
            return self._undo()
        elif what == "class":
            if value < len(self.classes):
                return self._change(event=self.classes[value]["name"])
        elif what == "point":
            return self._point(*value)
        elif what in ("add", "move"):
            self.pointing = what
        elif what == "frame":
            self.frame = min(max(1, self.frame + value), self.frames)
        elif what == "event":
            self._go(value)
        elif what == "select":
            self.select(value)
        return []

    def select(self, item):
        """Make an event the current one, and show its frame."""
        if 0 <= item < len(self.items):
            self.item = item
            self.frame = self.current()["frame"]

    def select_same(self, event):
        """Make the event that has class, frame and place of another one the current one, if there is one."""
        for index, item in enumerate(self.items):
            if all(item[key] == event[key] for key in ("event", "frame", "y", "x")):
                self.select(index)
                break

    def _decide(self, what):
        changed = self._act(what)
        self._go_on()
        return changed

    def _act(self, what, event=None, item=None):
        """Let the engine record a decision; see its job review_act."""
        if self.found["review"] is None:
            raise EngineError(self.found["problem"], "input")
        now = time.time()
        request = {"review": self.found["review"], "what": what, "item": self.item if item is None else item,
                   "event": event, "seconds": now - self._since}
        if self._begin is not None and not self.state["steps"]:
            request["begin"] = self._begin
        answer = self._ask("review_act", request)
        self._since, self.state, self.is_changed = now, answer, True
        index = answer["item"]
        if index is None:
            return []
        if index < answer["count"]:
            self.items[index:index + 1] = [item_of(answer["now"])]
            if index in self.opinions:
                self._give_opinion(index)
            (self.open.discard if self.items[index]["decision"] else self.open.add)(index)
        return [index]

    def _undo(self):
        changed = self._act("undo")
        if changed and self.state["count"] < len(self.items):
            self._remove_last()
        elif changed and self.place(changed[0]) is not None:
            self.item = changed[0]
        self.frame = self.current()["frame"]
        return changed

    def _remove_last(self):
        removed = len(self.items) - 1
        place = self.place()
        self.items.pop()
        self.set_order([item for item in self.order if item != removed])
        if self.item == removed:
            self.item = self.order[min(place or 0, len(self.order) - 1)] if self.order else 0

    def _change(self, **values):
        """Change the class or the position of the current event."""
        event = dict(self.current(), **values)
        return self._act("class" if "event" in values else "move", dict((key, event[key]) for key in ("event", "frame", "y", "x")))

    def _point(self, frame, y, x):
        """Handle a point: the position of a missed event, or the right position of the current one.

        Frame is None if it is not known.
        """
        event, adding = self.current(), self.pointing == "add"
        if frame is None:
            frame = self.frame if adding else event["frame"]
        self.pointing = None
        if not adding:
            if frame != event["frame"] or max(abs(y - event["y"]), abs(x - event["x"])) > SAME_PLACE_PX:
                return self._change(frame=frame, y=y, x=x)
            return []
        place = self.place()
        changed = self._act("add", {"event": event["event"], "frame": frame, "y": y, "x": x}, len(self.items))
        place = len(self.order) if place is None else place + 1
        self.set_order(self.order[:place] + changed + self.order[place:])
        self.select(changed[0])
        return changed

    def _go(self, step):
        """Go to a neighbouring event."""
        if self.order:
            place = self.place()
            self.select(self.order[min(max(0, 0 if place is None else place + step), len(self.order) - 1)])

    def _go_on(self):
        """Go to the next event without a decision; after the last one, continue from the first.

        If all are decided, stay.
        """
        count, place = len(self.order), self.place() or 0
        for step in xrange(1, count if self.open else 1):
            item = self.order[(place + step) % count]
            if item in self.open:
                self.item = item
                break
        self.frame = self.current()["frame"]


def item_of(text):
    """Parse an event from a text of the engine."""
    event, frame, y, x, score, decision, added, _ = text.split(BETWEEN_VALUES)
    return {"event": event, "frame": int(frame), "y": float(y), "x": float(x), "score": float(score) if score else None,
            "decision": decision, "added": added == "1", "opinion": NO_OPINION, "verdict": "", "reason": ""}
