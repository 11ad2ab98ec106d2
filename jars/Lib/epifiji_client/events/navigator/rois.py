"""The navigator's ROIs in the ROI Manager: they follow the review, and a ROI selected there is selected in the navigator (Jython 2.7).

A ROI that the user moved, renamed or deleted is the user's: it is neither changed nor added again. Only one thread changes
the ROI Manager at a time.
"""
from functools import wraps

from ij.plugin.frame import RoiManager
from java.awt import Container
from java.util import IdentityHashMap
from javax.swing import JList
from javax.swing.event import ListSelectionListener

from epifiji_client.images.manager import managing, open_manager, roi_manager
from epifiji_client.images.movies import rois_of_events
from epifiji_client.events.review_session import item_of
from epifiji_client.images.rois import CLASS, EVENTS, KEY_LENGTH, KIND, MOVIE, SAME_PX, is_edited, is_moved, marks_of, movies_of
from epifiji_client.images.rois import remove_from_manager, sign, unquoted


AT_ONCE = 250
"""How many ROIs are found at once, which takes some hundredths of a second."""


def _alone(method):
    """Keep other threads from the ROI Manager during a method; as long as the ROIs are not there, do nothing instead.

    Nor does it wait then for a command that adds thousands of ROIs.
    """
    @wraps(method)
    def called(self, *arguments):
        if self._begun is not None:
            return None
        with managing():
            return method(self, *arguments)
    return called


class ManagedRois(object):
    """The ROIs of a session's events. want(what, value) puts a request into the navigator's queue."""

    def __init__(self, image, session, want):
        self.image, self.session, self.want = image, session, want
        self._rois, self._items = {}, IdentityHashMap()
        self._removed, self._adopted = set(), {}
        self._list = self._listener = None
        self._are_out = False
        # Until the ROIs are there, changes wait: the events as they were.
        self._begun = list(session.items)
        self.selecting = False

    def adopting(self):
        """Find the ROIs of the events in the ROI Manager, and follow the selection there: a generator of short steps.

        Between them the events may change. Once the ROIs are found there is nothing to do: a navigator that is closed while its
        ROIs come is asked by its own thread and by that of the command.
        """
        begun = self._begun
        if begun is None:
            return
        # The ROIs are those of the detection. An earlier review may have changed some events.
        detected = dict((int(index), item_of(text)) for index, text in self.session.found["detected"].items())
        manager, places = open_manager(), {}
        items = [detected.get(index, item) for index, item in enumerate(begun)]
        for index, item in enumerate(items):
            places.setdefault((item["event"], item["frame"], int(round(item["y"])), int(round(item["x"]))), []).append(index)
            if index % (10 * AT_ONCE) == 0:
                yield
        keys, ours, names, of_others = [movie[:KEY_LENGTH] for movie in movies_of(self.image)], {None: False}, {}, 0
        for number, roi in enumerate(manager.getRoisAsArray() if manager is not None else ()):
            if number % AT_ONCE == 0:
                yield
            movie = roi.getProperty(MOVIE)
            if movie not in ours:
                ours[movie] = movie[:KEY_LENGTH] in keys
            if not ours[movie] or roi.getProperty(KIND) != EVENTS:
                of_others += movie is not None and roi.getProperty(KIND) == EVENTS
                continue
            quoted = roi.getProperty(CLASS)
            if quoted not in names:
                names[quoted] = unquoted(quoted)
            index = self._index_of(roi, names[quoted], places, items)
            if index is not None:
                self._know(index, roi)
                self._adopted[index] = roi
        self._begun = None
        self._adopted_all([index for index, item in enumerate(self.session.items)
                           if item["added"] or index in self._rois and (item["decision"] == "reject" or index in detected or item is not begun[index])],
                          of_others)

    @_alone
    def _adopted_all(self, changed, of_others):
        """Follow the selection, and take over what changed meanwhile."""
        manager = open_manager()
        if manager is None:
            return
        if self._rois and len(self._rois) + of_others == manager.getCount():
            # The rings replace ImageJ's marks and labels, and events of other movies do not belong here. If there are ROIs
            # of the user, these stay visible.
            manager.runCommand(self.image, "Show None")
        self._follow(manager)
        chosen = manager.getSelectedIndexes()
        if len(chosen) == 1:
            # It may have been selected meanwhile.
            self.selected(chosen[0])
        self.update(changed)
        if self._are_out:
            self.take_out()

    @_alone
    def update(self, changed):
        """Remove the ROIs of rejected events, and change those of others, as the session now has them."""
        manager = open_manager()
        if manager is None or not changed:
            return
        self._follow(manager)
        for index in changed:
            item = self.session.items[index] if index < len(self.session.items) else None
            if item is None or item["decision"] == "reject":
                self._remove(manager, index)
            elif self._are_out:
                continue
            elif index not in self._rois or index in self._removed:
                self._put_back(manager, index, item)
            else:
                self._change(manager, index, item)

    def take_out(self):
        """Remove the events' ROIs from the ROI Manager."""
        self._are_out = True
        self._take_out()

    def put_back(self):
        """Put the ROIs of all events that are not rejected into the ROI Manager."""
        self._are_out = False
        self._put_all_back()

    @_alone
    def _take_out(self):
        manager, inside = open_manager(), []
        if manager is None:
            return
        self._know_copies(manager)
        for place, roi in enumerate(manager.getRoisAsArray()):
            if self._items.containsKey(roi) and not is_edited(roi):
                inside.append(place)
                self._removed.add(self._items.get(roi))
        self.selecting = True
        try:
            remove_from_manager(manager, inside)
        finally:
            self.selecting = False

    @_alone
    def _put_all_back(self):
        manager = roi_manager()
        self._know_copies(manager)
        inside = set([self._items.get(roi) for roi in manager.getRoisAsArray() if self._items.containsKey(roi)])
        missing = [index for index, item in enumerate(self.session.items) if item["decision"] != "reject" and index not in inside]
        for index in missing:
            self._put_back(manager, index, self.session.items[index])
        self._follow(manager)

    @_alone
    def select(self, index):
        """Select an event's ROI in the ROI Manager, if it is there; return whether the user moved this ROI."""
        manager = open_manager()
        place = self._place_of(manager, index) if manager is not None else -1
        if place >= 0 and not manager.isSelected(place):
            self.selecting = True
            try:
                manager.select(self.image, place)
            finally:
                self.selecting = False
        return place >= 0 and is_moved(self._rois[index])

    def release(self):
        """Stop following the selection in the ROI Manager."""
        if self._list is not None:
            self._list.removeListSelectionListener(self._listener)
            self._list = None

    def selected(self, place):
        """Handle a selection of the user in the ROI Manager."""
        manager = RoiManager.getInstance()
        roi = manager.getRoi(place) if manager is not None and 0 <= place < manager.getCount() else None
        if roi is None:
            return
        index = self._items.get(roi)
        if index is not None:
            self.want("select", index)
        elif marks_of(roi) is not None:
            self.want("select_copy", roi)

    @_alone
    def index_of(self, roi):
        """Return the event of a ROI in the ROI Manager, or None."""
        manager = open_manager()
        if manager is not None and not self._items.containsKey(roi):
            self._know_copies(manager)
        return self._items.get(roi)

    def _know(self, index, roi):
        self._rois[index] = roi
        self._items.put(roi, index)

    def _know_copies(self, manager):
        """Know the ROIs that the ROI Manager has in place of events' ROIs: its "Update" replaces a ROI by a copy with its marks."""
        rois, inside = manager.getRoisAsArray(), IdentityHashMap()
        copies = [roi for roi in rois if not self._items.containsKey(roi) and marks_of(roi) is not None]
        if not copies:
            return
        for roi in rois:
            inside.put(roi, True)
        replaced = dict((marks_of(roi), index) for index, roi in self._rois.items() if not inside.containsKey(roi))
        for roi in copies:
            index = replaced.pop(marks_of(roi), None)
            if index is not None:
                self._know(index, roi)
                self._removed.discard(index)

    def _place_of(self, manager, index):
        """Return the place of an event's ROI in the ROI Manager's list; -1 if it is not there."""
        roi = self._rois.get(index)
        place = manager.getRoiIndex(roi) if roi is not None else -1
        if roi is not None and place < 0 and index not in self._removed:
            self._know_copies(manager)
            place = manager.getRoiIndex(self._rois[index])
        return place

    def _index_of(self, roi, name, places, items):
        """Return the event of a ROI, among those without a ROI, from their indexes by class, frame and whole pixel; or None."""
        bounds, frame = roi.getFloatBounds(), _frame_of(roi)
        for y in _whole(bounds.getCenterY()):
            for x in _whole(bounds.getCenterX()):
                for index in places.get((name, frame, y, x), ()):
                    if index not in self._rois and self._is_at(roi, items[index]):
                        return index
        return None

    def _is_at(self, roi, item):
        bounds = roi.getFloatBounds()
        return max(abs(bounds.getCenterX() - item["x"]), abs(bounds.getCenterY() - item["y"])) <= SAME_PX

    def _remove(self, manager, index):
        place = self._place_of(manager, index)
        if place >= 0 and not is_edited(self._rois[index]):
            manager.delete(place)
            self._removed.add(index)
        if index >= len(self.session.items):
            self._rois.pop(index, None)
            self._removed.discard(index)

    def _put_back(self, manager, index, item):
        roi = self._rois.get(index)
        if roi is None or not self._is_same(roi, item):
            roi = self._make(index, item)
        # The manager keeps a copy.
        manager.add(self.image if self.image.isVisible() else None, roi, -1)
        self._know(index, manager.getRoi(manager.getCount() - 1))
        self._removed.discard(index)

    def _change(self, manager, index, item):
        """Replace the ROI of an event whose class or place was changed, at its place in the list."""
        place = self._place_of(manager, index)
        roi = self._rois[index]
        if place < 0 or is_edited(roi) or self._is_same(roi, item):
            return
        made = self._make(index, item)
        manager.setRoi(made, place)
        manager.rename(place, made.getName())
        self._know(index, manager.getRoi(place))

    def _is_same(self, roi, item):
        return unquoted(roi.getProperty(CLASS)) == item["event"] and _frame_of(roi) == item["frame"] and self._is_at(roi, item)

    def _make(self, index, item):
        adopted = self._adopted.get(index)
        if adopted is not None and not is_edited(adopted) and self._is_same(adopted, item):
            return adopted
        score = "" if item["score"] is None else " (%.2f)" % item["score"]
        # Detected ROIs are numbered by class; a changed or added one has the number of its event, which is never given twice.
        event = dict(item, name="%s %d%s" % (item["event"], index + 1, score))
        roi = rois_of_events(self.image, {"classes": self.session.classes, "events": [event]})[0]
        sign(roi, movies_of(self.image)[0], EVENTS, item["event"])
        return roi

    def _follow(self, manager):
        found = _list_in(manager)
        if found is not None and found is not self._list:
            self.release()
            self._list, self._listener = found, _Selected(self)
            found.addListSelectionListener(self._listener)


class _Selected(ListSelectionListener):
    def __init__(self, rois):
        self.rois = rois

    def valueChanged(self, event):
        chosen = event.getSource()
        if not (event.getValueIsAdjusting() or self.rois.selecting) and chosen.getMinSelectionIndex() == chosen.getMaxSelectionIndex():
            self.rois.selected(chosen.getMinSelectionIndex())


def _whole(place):
    """Return the whole pixels to which a position is rounded that differs by no more than positions of the same event do."""
    return set((int(round(place - SAME_PX)), int(round(place + SAME_PX))))


def _frame_of(roi):
    """Return the frame of a ROI of EpiFiji, which lies on one of three axes; see set_frame."""
    return max(roi.getTPosition(), roi.getZPosition(), roi.getPosition())


def _list_in(container):
    """Find the list of the ROI Manager, for which there is no method."""
    for part in container.getComponents():
        found = part if isinstance(part, JList) else _list_in(part) if isinstance(part, Container) else None
        if found is not None:
            return found
    return None
