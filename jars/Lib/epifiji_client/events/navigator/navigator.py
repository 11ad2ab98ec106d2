"""The navigator of a movie's events: one window for each movie, in which they are reviewed too (Jython 2.7).

The window and the movie only put requests into a queue. A thread of the navigator's own reads them, changes the session,
whose decisions the engine writes first, and shows the result. So commands and macros go on while a navigator is open.
"""
import os
import traceback
from contextlib import contextmanager

from ij import Executer, IJ, Macro, WindowManager
from ij.plugin import BrowserLauncher, Zoom
from java.awt import Color, GraphicsEnvironment
from java.io import File
from java.lang import Exception as JavaException, Runnable, System, Thread
from java.util import HashMap
from java.util.concurrent import CountDownLatch, LinkedBlockingQueue, TimeUnit

from epifiji_client.engine import connection
from epifiji_client.commands.run import call
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.figures import described, show_pictures
from epifiji_client.images.frames import Frames
from epifiji_client.images.identity import choose_results, folder_beside
from epifiji_client.images.manager import locked, open_manager
from epifiji_client.images.movies import file_of, show_events
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.boxes import BoxCheck, BoxOutline, Player
from epifiji_client.events.navigator.input import navigator_inputs
from epifiji_client.events.navigator.model import ShownEvents
from epifiji_client.events.navigator.rois import ManagedRois
from epifiji_client.events.navigator.view import PLOT, REPORT, NavigatorView
from epifiji_client.events.review_session import ReviewSession
from epifiji_client.events.rings import Rings
from epifiji_client.images.rois import KEY_LENGTH, movies_of
from epifiji_client.events.thresholds import ThresholdWindow
from epifiji_client.screen.windows import covers, later, put_free, screen_size, scroll_to

OPENING = "epifiji.opening_navigator"
"""The name of the lock of what opens a navigator: two commands at once would open two for one movie."""

OPEN = "epifiji.navigators"
"""The property of the JVM with the open navigators by their movies' keys. Not all scripts share modules."""

SELECTING = ("keep", "reject", "skip", "undo", "add", "point", "class", "event", "select", "select_copy")
"""Requests after which the current event's ROI is selected in the ROI Manager."""

MOVED_ROI = "You moved the ROI of this event, but not the event: press m and click on its place to move it."

ON_CURRENT = ("keep", "reject", "skip", "class", "move")
NOT_SHOWN = "This event is not shown: choose one in the table, or clear the filter and tick its class."
"""Requests that change the current event, and why they are refused if it was filtered out."""

OUTSIDE_BOX = "This is outside of the box: it does not count in this check."

MICRONS = ("micron", "microns", "um", u"\u00b5m")
CLOSING_S = 10
ZOOM = 4.0
VIEW = 0.55
"""The part of the screen's width and height that a box with what is around it takes at most."""

LEAST_VIEW_PX = 60


def navigate(image, results=None, text=None, thresholds=(), closed=(), has_rois=True, check=None):
    """Open the navigator of the events of an image's movie, in place of an earlier one of the same movie.

    The events are those of results, or a text as the engine writes them if they are not saved. Without has_rois their ROIs come
    later, and then adopt() is to be called for the returned navigator. thresholds are those that the navigator can return to,
    each with the number of the review's steps before they were changed. It looks as the earlier one did, an open one or one of
    closed, if that was of the same results. check is the engine's answer with the boxes of a complete check. Nothing is opened, and None returned, without a window, or if there are no events.
    """
    if GraphicsEnvironment.isHeadless() or image is None or image.getWindow() is None:
        return None
    with locked(OPENING):
        closed = close_navigators(image) or closed
        if not (results or text):
            return None
        begin = {"results": results} if results else {"events": text, "beside": folder_beside(image)}
        found = _ask("navigate", begin)
        if not found["order"]:
            return None
        opened = Navigator(image, found, begin, thresholds, check)
        for earlier in closed:
            opened.take_over(earlier)
        opened.open()
        if has_rois:
            opened.adopt()
        return opened


def events_adjusted(image, results, text):
    """Show new events in the navigator of an image's movie, if one is open."""
    closed = close_navigators(image)
    if closed:
        navigate(image, results, text, (), closed)


def close_navigators(image):
    """Close the navigator of an image's movie, if one is open, and wait until it has written its results.

    Return the navigators that were closed.
    """
    found = navigators_of(image)
    for navigator in found:
        navigator.want("close", None)
        navigator.ended.await(CLOSING_S, TimeUnit.SECONDS)
    return found


def navigators_of(image):
    """Return the open navigators of an image's movie: one or none, unless two images were found to be of one movie."""
    return set([_navigators().get(key) for key in _keys(image)]) - set([None])


def in_front(what=None):
    """Bring the navigator of the active image's movie to the front if a user called a command for which it has a button.

    what is a request for it, or None. Return whether there is such a navigator. Macros call the command itself.
    """
    image = WindowManager.getCurrentImage()
    if Macro.getOptions() is not None or GraphicsEnvironment.isHeadless() or image is None:
        return False
    found = navigators_of(image)
    for navigator in found:
        if what is not None:
            navigator.want(what, None)
        later(navigator.view.window.toFront)
    return bool(found)


@contextmanager
def set_aside(image):
    """Close the navigator of an image's movie during the block, in which another window shows its events.

    Open it again afterwards, with the decisions that were made meanwhile.
    """
    closed = close_navigators(image) if image is not None and not GraphicsEnvironment.isHeadless() else ()
    try:
        yield
    finally:
        for navigator in closed:
            begin = navigator.begin
            navigate(image, begin.get("results"), begin.get("events"), navigator.thresholds, [navigator], check=navigator.boxes())


def _folder_of(begin):
    """Return the folder of the results that a navigator shows, or their text if they are not saved."""
    return os.path.normpath(begin["results"]) if begin.get("results") else begin["events"]


def _keys(image):
    """Return the keys of an image's movie."""
    return [movie[:KEY_LENGTH] for movie in movies_of(image)] or [str(image.getID())]


def _navigators():
    properties = System.getProperties()
    properties.putIfAbsent(OPEN, HashMap())
    return properties.get(OPEN)


class Navigator(Runnable):
    """The navigator of an image's events; see the module."""

    def __init__(self, image, found, begin, thresholds, check=None):
        self.image, self.found, self.begin, self.thresholds = image, found, begin, list(thresholds)
        self.keys = _keys(image)
        self.frames = Frames(image)
        self.colours = dict((kind["name"], Color(*kind["colour"])) for kind in found["classes"])
        self.session = ReviewSession(found, self.frames.count, _ask, begin)
        self.shown = ShownEvents(self.session)
        self.wanted = LinkedBlockingQueue()
        self.rings = Rings(image, self.shown, self.frame_of, self.colours)
        self.rois = ManagedRois(image, self.session, self.want)
        self._adoption = None
        self.on_movie = self._closing = False
        self.ended = CountDownLatch(1)
        self._message, self._next = found["problem"], None
        self._reviewed = None
        self._bounds = self._left_out = self._player = None
        self._opinions_read = self._opinions_time()
        self.check = BoxCheck(check, self.session, _ask) if check else None
        self._outline = BoxOutline(image, self.check, self.frame_of)

    def take_over(self, earlier):
        """Show what an earlier navigator of the same results shows, with the same current event, at its place."""
        if _folder_of(earlier.begin) != _folder_of(self.begin):
            return
        self.shown.take_over(earlier.shown)
        self.session.select_same(earlier.session.current())
        if bool(self.check) == bool(earlier.check):
            self._bounds = earlier.view.window.getBounds()

    def open(self):
        """Open the window beside the movie."""
        self.view = NavigatorView(self, self.title(), self._scale())
        self._inputs = navigator_inputs(self, self.image.getCanvas())
        for key in self.keys:
            _navigators().put(key, self)
        thread = Thread(self, "EpiFiji-Navigator")
        thread.setDaemon(True)
        if self.check is not None:
            self._go_to_box()
        self._place()
        self.rings.show()
        self._show(True, False)
        later(self.view.open)
        self._inputs.start()
        thread.start()

    def _place(self):
        """Put the window beside the movie, and the ROI Manager where it covers neither."""
        movie, manager = self.image.getWindow(), open_manager()
        if self._bounds is not None:
            self.view.window.setBounds(self._bounds)
            return
        put_free(self.view.window, [movie, IJ.getInstance(), manager])
        if covers(manager, movie) or covers(manager, self.view.window):
            put_free(manager, [movie, self.view.window, IJ.getInstance()])

    def adopt(self):
        """Find the ROIs of the events, which are in the ROI Manager now, and let them follow the decisions."""
        self.want("adopt", None)
        if self._closing:
            self._end_adoption(self.rois.adopting())
            self.rois.release()

    def want(self, what, value):
        """Put a request into the queue."""
        self.wanted.put((what, value))

    def frame_of(self):
        """Return the frame (from 1) that the movie shows."""
        return self.frames.in_view()

    def title(self):
        """Return the title of the window, with the movie's folder if another image has the title of the movie."""
        title = self.image.getTitle()
        shown = [WindowManager.getImage(identifier) for identifier in WindowManager.getIDList() or []]
        path = file_of(self.image) if [other for other in shown if other is not None and other.getTitle() == title][1:] else None
        return "Navigator of %s%s" % (title, " in %s" % os.path.basename(os.path.dirname(path)) if path is not None else "")

    def is_in_front(self, window):
        """Return whether keys belong to the navigator: in its window, and on the movie after a click on a ring."""
        return window is not None and (window is self.view.window or window is self.image.getWindow() and self.on_movie)

    def run(self):
        try:
            while True:
                wanted = self.wanted.poll()
                if wanted is None and self._adoption is not None:
                    self._go_on_adopting()
                    continue
                what, value = wanted or self.wanted.take()
                if what == "end" and self.session.pointing is None or what == "close":
                    break
                following = self.wanted.peek()
                if what == "filter" and following is not None and following[0] == what:
                    # The user has typed on meanwhile.
                    continue
                try:
                    self._do(what, value)
                except EngineError as error:
                    self._refuse(error.sentence)
                except (Exception, JavaException):
                    IJ.log(traceback.format_exc())
                    self._refuse("This failed: see the log.")
                if self._next is not None:
                    break
        finally:
            self._close()
        if self._next is not None:
            self._next()

    def _go_on_adopting(self):
        """Find some more of the ROIs: thousands take a second or two, in which keys are answered."""
        try:
            next(self._adoption)
        except StopIteration:
            self._adoption = None
        except (Exception, JavaException):
            self._adoption = None
            IJ.log(traceback.format_exc())

    def _end_adoption(self, adoption):
        for _ in adoption or ():
            pass

    def _refuse(self, sentence):
        """Show why something was not done, and that nothing was."""
        self.session.pointing = None
        self._message = sentence
        self._show(False, False)

    def _do(self, what, value):
        if what == "adopt":
            self._adoption = self.rois.adopting()
            return
        session, shown = self.session, self.shown
        was_playing = self.is_playing()
        self.stop_playing()
        session.frame = self.frame_of()
        order, changed, self._message = session.order, [], None
        if what == "filter":
            shown.filter(value)
        elif what == "show_class":
            shown.show_class(*value)
        elif what == "opinions":
            self._read_opinions()
        elif what == "sort":
            if value == "opinion" and not session.opinions:
                self._read_opinions()
            shown.sort(value)
        elif what == "rings":
            (self.rings.show if value else self.rings.hide)()
        elif what == "zoom":
            self._zoom()
        elif what == "go":
            session.frame = value
        elif what == "thresholds":
            self._choose_thresholds()
            return
        elif what == "command":
            self._start_command(value)
        elif what == "open_report":
            BrowserLauncher.openURL(File(self.report_file()).toURI().toString())
        elif what == "undo" and self.thresholds and session.state["steps"] <= self.thresholds[-1][1]:
            self._apply_thresholds(self.thresholds[-1][0], self.thresholds[:-1])
            return
        elif what in ("box_play", "box_mark", "box_next", "box_end"):
            self._check_box(what, was_playing)
            return
        elif what == "managed":
            (self.rois.put_back if value else self.rois.take_out)()
        else:
            if what in ON_CURRENT and session.item == self._left_out and session.place() is None:
                raise EngineError(NOT_SHOWN, "input")
            if what == "select_copy":
                what, value = "select", self.rois.index_of(value)
                if value is None:
                    # A ROI of another movie: its navigator would answer to a selection here, and this one to that.
                    return
            changed = session.do(what, value)
            shown.update(changed)
            self.rois.update(changed)
        if what == "point" and self.check is not None and changed and not self.check.holds(session.items[changed[0]]):
            self._message = OUTSIDE_BOX
        if what in ("filter", "show_class"):
            # An event that leaves by its own decision or class may still be decided; one that is filtered out has no ring.
            self._left_out = session.item if session.place() is None else None
        if what in SELECTING and self.rois.select(session.item):
            self._message = MOVED_ROI
        self._show_frame()
        self._show(order is not session.order, changed)

    def _show_frame(self):
        if self.image.isVisible() and self.session.frame != self.frame_of():
            self.frames.show(self.session.frame)
        item = self.session.current()
        if self.image.isVisible() and item["frame"] == self.session.frame:
            scroll_to(self.image, item)

    def _show(self, all_rows, changed):
        """Show the present state in the window and on the movie."""
        message, counts = self._message, self.shown.counts()
        # Before the movie, whose rings take longer to draw.
        later(lambda: self.view.refresh(all_rows, bool(changed), message, counts))
        if all_rows or changed:
            self.rings.refresh()
        else:
            self.image.draw()

    def has_new_opinions(self):
        """Return whether another command measured the cells around the events, and so gave second opinions."""
        return self._opinions_time() not in (None, self._opinions_read)

    def _opinions_time(self):
        path = self.found["opinions_file"]
        return os.path.getmtime(path) if path and os.path.isfile(path) else None

    def _read_opinions(self):
        self._opinions_read = self._opinions_time()
        self.session.set_opinions(_ask("opinions", self.begin)["opinions"])
        self.shown.take_opinions()

    def _zoom(self):
        item, window = self.session.current(), self.image.getWindow()
        if window is not None:
            self.session.frame = item["frame"]
            Zoom.set(self.image, max(ZOOM, self.image.getCanvas().getMagnification()), int(item["x"]), int(item["y"]))

    def boxes(self):
        """Return the engine's answer with the boxes of a complete check; None if there is no check."""
        return self.check and self.check.found

    def is_playing(self):
        """Return whether the frames of a box are shown again and again."""
        return self._player is not None and self._player.is_playing

    def stop_playing(self):
        """Stop at the frame that is shown."""
        if self._player is not None:
            self._player.stop()

    def _go_to_box(self):
        """List only the events of the current box, and show it."""
        session, (x, y, width, height) = self.session, self.check.view()
        self.shown.only(self.check.holds)
        listed = [item for item in session.order if item in session.open] or session.order
        if listed:
            session.select(listed[0])
        self._left_out = session.item if session.place() is None else None
        session.frame = self.check.box()["frames"][0]
        screen = screen_size()
        Zoom.set(self.image, min(ZOOM, VIEW * screen.width / width, VIEW * screen.height / height), x, y)
        self.frames.show(session.frame)
        self._outline.show()

    def _check_box(self, what, was_playing):
        """Do what a button of the complete check asks for."""
        check = self.check
        if what == "box_play" and not was_playing:
            self._player = Player(self.frames, *check.box()["frames"])
        elif what == "box_mark":
            check.mark()
        elif what == "box_next":
            check.go_on()
            self._go_to_box()
        elif what == "box_end":
            show_pictures(check.found, self.image)
            log(check.found["said"][0])
            begin = self.begin
            self._next = lambda: navigate(self.image, begin["results"], None, self.thresholds, [self])
            return
        self._show(what == "box_next", False)

    def _choose_thresholds(self):
        """Show the sliders, and then the events with the chosen thresholds."""
        if not self.found["maps"]:
            raise EngineError("There are no probability maps of these events: detect with maps, and save.", "input")
        window = ThresholdWindow(self.image, call("candidates", {"results": self.begin["results"]}))
        before = window.chosen()
        chosen = window.run()
        ended = [wanted for wanted in self.wanted.toArray() if wanted[0] in ("end", "close")]
        self.wanted.clear()
        self.wanted.addAll(ended)
        if chosen is not None and not window.passing():
            raise EngineError("No event passes these thresholds: they were not applied.", "input")
        if chosen is not None and chosen != before:
            self._apply_thresholds(chosen, self.thresholds + [(before, self.session.state["steps"])])

    def _apply_thresholds(self, chosen, thresholds):
        """Save the events with other thresholds, and end: the navigator of the new events takes this one's place.

        Events that were reviewed stay, with their decisions.
        """
        settings = dict(chosen, results=self.begin["results"], save=True)
        found = call("adjust", {"settings": settings})
        for notice in found["notices"]:
            log(notice)
        show_events(self.image, found, False, False)
        self._next = lambda: navigate(self.image, self.begin["results"], None, thresholds, [self], check=self.boxes())

    def report_file(self):
        """Return the report of these results; None if there is none."""
        folder = self._folder()
        path = os.path.join(folder, "report", "report.html") if folder else ""
        return path if os.path.isfile(path) else None

    def _folder(self):
        """Return the folder of the results, or that of the review if they are not saved."""
        results, review = self.begin.get("results"), self.found["review"]
        if results and os.path.isdir(results):
            return results
        return os.path.dirname(review) if review else None

    def _start_command(self, label):
        """Start another command, as its menu item does, whose dialog first shows these results; then return to the window."""
        reviewed = self._write()
        results = reviewed if label == PLOT else self._folder() if reviewed else None
        results = results or self.begin.get("results")
        if label == REPORT and results is None:
            raise EngineError('These events are not saved: detect them again with "Save next to the movie", or decide about one.', "input")
        choose_results(self.image, results)
        if self.image.getWindow() is not None:
            WindowManager.setCurrentWindow(self.image.getWindow())
        thread = Thread(_Command(label, self.view))
        thread.setDaemon(True)
        thread.start()

    def _write(self):
        """Write the results of the review if there are decisions; return their folder, or None."""
        if self.session.is_changed or self.session.state["steps"] and self._reviewed is None:
            summary = _ask("review_end", {"review": self.found["review"], "movie": self.image.getShortTitle(),
                                          "image": described(self.image)})
            self.session.is_changed, self._reviewed = False, summary["folder"]
        return self._reviewed

    def _scale(self):
        calibration = self.image.getCalibration()
        if not calibration.scaled():
            return None
        unit = calibration.getUnit()
        return calibration.pixelWidth, calibration.pixelHeight, u"\u00b5m" if unit in MICRONS else unit

    def _close(self):
        """Close the window, and write the results of the review."""
        self._closing = True
        try:
            self._inputs.stop()
            self.stop_playing()
            self.rings.hide()
            self._outline.hide()
            self._end_adoption(self.rois.adopting() if [wanted for wanted in self.wanted.toArray() if wanted[0] == "adopt"] else self._adoption)
            self.rois.release()
            later(self.view.window.dispose)
            for key in self.keys:
                _navigators().remove(key, self)
            if self.session.is_changed:
                self._write()
            if self._reviewed:
                log("the reviewed events are in %s" % self._reviewed)
        except EngineError as error:
            log(error.sentence)
        finally:
            self.ended.countDown()


class _Command(Runnable):
    def __init__(self, label, view):
        self.label, self.view = label, view

    def run(self):
        Executer(self.label).run()
        later(self.view.return_to)


def _ask(job, request):
    """Do a job of the engine without progress in ImageJ's status line, which belongs to the user's commands."""
    return connection.call(job, request)
