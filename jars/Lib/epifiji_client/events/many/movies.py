"""Many movies, detected one after the other: the state of each, and what the engine does with them (Jython 2.7).

A movie that was interrupted continues from the parts that the engine has kept, so a pause ends its detection.
"""
import os
import time

from ij import WindowManager

from epifiji_client.screen.log import log
from epifiji_client.commands.run import call, report
from epifiji_client.engine import connection
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import is_figure
from epifiji_client.images.frames import frames_are_channels
from epifiji_client.images.movies import file_of, requested_pixels, unless_closed

WAITING, RUNNING, PAUSED, DONE, BEFORE, FAILED, REFUSED, STOPPED = (
    "waiting", "running", "paused", "done", "done before", "failed", "refused", "cancelled")
PAUSE, CANCEL = "pause", "cancel"
LEFT, AGAIN, COMPLETE = (WAITING, PAUSED), (FAILED, REFUSED, STOPPED), (DONE, BEFORE)
STATES = {"waiting": WAITING, "done": BEFORE, "refused": REFUSED}
OWN = ("folder", "pattern", "subfolders", "conditions", "out")
"""Parameters that are not those of the detection in one movie."""

LOOKING = "looking for events"
LEAST_S, LEAST_DONE = 2, 0.01


class ManyMovies(object):
    """The movies of a command, each with its state. One thread detects; others may read, and ask it to stop."""

    def __init__(self, parameters):
        self.parameters, self.stop, self.images = parameters, None, []
        if "folder" not in parameters:
            self.images = [image for image in map(WindowManager.getImage, WindowManager.getIDList() or []) if _is_movie(image)]
        self.plan = call("plan_many", self._request())
        self.may_replace_pool = parameters.get("overwrite", False) or not self.plan["pool_exists"]
        self.movies = [self._movie(number) for number in range(len(self.plan["movies"]))]
        for notice in self.plan["notices"]:
            log(notice)

    def _request(self):
        shown = [{"title": image.getTitle(), "file": file_of(image)} for image in self.images]
        return {"settings": self.parameters, "images": shown}

    def _movie(self, number):
        planned = self.plan["movies"][number]
        image = self.images[planned["image"]] if self.images else None
        return dict(planned, image=image, state=STATES[planned["state"]], reason=self.plan["reasons"][number], done=0.0, doing="",
                    seconds=0.0, started=None, kind="input", details="")

    def count(self, states):
        """Return the number of movies in one of some states."""
        return len([one for one in self.movies if one["state"] in states])

    def work(self, changed, ask=call):
        """Detect the events of all movies that wait, until there is none or a stop is requested.

        changed() is called after each change of a movie. ask is call, or does a job in the same way. Return whether all
        movies were tried.
        """
        for movie in self.movies:
            if movie["state"] in LEFT and self.stop is None:
                self._detect(movie, changed, ask)
                changed()
        if self.stop == CANCEL:
            self.cancel()
        changed()
        return not self.count(LEFT) and self.stop is None

    def cancel(self):
        """Mark the movies that are left as cancelled."""
        for movie in self.movies:
            if movie["state"] in LEFT:
                movie.update(state=STOPPED, reason="Cancelled; the same command continues later.")

    def retry(self):
        """Let failed, refused and cancelled movies wait again, unless their results are there now."""
        self.plan = call("plan_many", self._request())
        for number, movie in enumerate(self.movies):
            fresh = dict((one["path"] or one["name"], i) for i, one in enumerate(self.plan["movies"]))
            place = fresh.get(movie["path"] or movie["name"])
            if movie["state"] in AGAIN and place is not None:
                movie.update(self._planned_again(place))

    def _planned_again(self, number):
        planned = self.plan["movies"][number]
        return {"state": STATES[planned["state"]], "reason": self.plan["reasons"][number], "counts": planned["counts"], "done": 0.0}

    def _detect(self, movie, changed, ask):
        movie.update(state=RUNNING, reason="", done=0.0, doing="", started=time.time(), details="")
        changed()

        def progress(done, doing):
            if doing == LOOKING and movie["doing"] != doing:
                movie["looking"] = time.time()
            movie.update(done=done if doing == LOOKING else movie["done"], doing=doing)
            changed()
            return self.stop is not None
        try:
            found = ask("detect", self._request_of(movie), self._pixels(movie), progress)
        except EngineError as error:
            if error.kind == "cancelled":
                self.stop = self.stop or CANCEL
                movie.update(state=PAUSED)
            else:
                movie.update(state=FAILED, reason=error.sentence, kind=error.kind, details=error.details)
        else:
            counts = dict((kind["name"], kind["count"]) for kind in found["classes"])
            movie.update(state=DONE, counts=counts, folder=found["folder"], done=1.0, reason="The results are in %s." % found["folder"])
            for notice in found["notices"]:
                log("%s: %s" % (movie["name"], notice))
        movie["seconds"] = time.time() - movie["started"]

    def _request_of(self, movie):
        settings = dict((key, value) for key, value in self.parameters.items() if key not in OWN)
        settings["out"] = os.path.dirname(movie["folder"])
        if movie["image"] is None:
            settings["input"] = movie["path"]
        return {"settings": settings, "headless": True, "done": self.folders()}

    def _pixels(self, movie):
        if movie["image"] is None:
            return None
        if unless_closed(movie["image"]) is None:
            raise EngineError("%s was closed before its turn: open it again, or choose its folder." % movie["name"], "input")
        return requested_pixels(movie["image"], self.parameters.get("channel", ""))

    def folders(self):
        """Return the result folders of the movies that are done."""
        return [one["folder"] for one in self.movies if one["state"] in COMPLETE]

    def seconds_left(self, movie=None):
        """Estimate the time that a movie still needs, or all movies together; None if it is not known."""
        if movie is not None:
            if movie["state"] != RUNNING or "looking" not in movie or movie["done"] < LEAST_DONE:
                return None
            spent = time.time() - movie["looking"]
            return spent * (1 - movie["done"]) / movie["done"] if spent > LEAST_S else None
        running = [one for one in self.movies if one["state"] == RUNNING]
        left = sum([self.seconds_left(one) or 0 for one in running])
        if [one for one in running if self.seconds_left(one) is None]:
            return None
        known = [(max(1, one["size"]), one["seconds"]) for one in self.movies if one["state"] == DONE]
        known += [(max(1, one["size"]), time.time() - one["started"] + self.seconds_left(one)) for one in running]
        sizes, seconds = sum([size for size, _ in known]), sum([spent for _, spent in known])
        waiting = sum([max(1, one["size"]) for one in self.movies if one["state"] in LEFT])
        return left + waiting * seconds / sizes if sizes else None

    def pool(self):
        """Write the pooled table of the movies that are done, and return the engine's answer; None if there is none to write.

        That of an earlier run is replaced only if may_replace_pool is true.
        """
        folders = self.folders()
        if not folders or self.plan["pooled"] is None:
            return None
        settings = {"out": self.plan["pooled"], "overwrite": self.may_replace_pool}
        if "conditions" in self.parameters:
            settings["conditions"] = self.parameters["conditions"]
        found = call("pool", {"settings": settings, "folders": folders})
        self.may_replace_pool = True
        return found

    def keeps_pool(self):
        """Return whether a pooled table of an earlier run is there, and all movies were done before too."""
        return not self.may_replace_pool and not self.count((DONE,))

    def summary(self):
        """Return the states of all movies in words."""
        counted = [(state, self.count((state,))) for state in (RUNNING, PAUSED, WAITING, DONE, BEFORE, FAILED, REFUSED, STOPPED)]
        return ", ".join(["%d %s" % (count, state) for state, count in counted if count])


def detect_without_window(many):
    """Detect the events of all movies, with a line in the log for each, and write the pooled table.

    Raises EngineError if a movie failed or was refused, or the command was cancelled.
    """
    said = set()

    def changed():
        for number, movie in enumerate(many.movies):
            if movie["state"] in COMPLETE + AGAIN and number not in said:
                said.add(number)
                log("movie %d of %d, %s: %s" % (number + 1, len(many.movies), movie["name"], in_words(movie)))
    many.work(changed, lambda job, request, pixels, progress: call(job, request, pixels, progress))
    problem = None
    try:
        pooled = None if many.keeps_pool() else many.pool()
    except EngineError as error:
        problem = error
        log("the pooled table was not written: " + error.sentence)
    else:
        if pooled is not None:
            for notice in pooled["notices"]:
                log(notice)
            log(pooled["said"])
    report(many.summary())
    if many.count((STOPPED,)):
        raise EngineError("It was cancelled; run the same command again to continue.", "cancelled")
    failed = [one for one in many.movies if one["state"] in AGAIN]
    if failed:
        only_input = all([one["kind"] == "input" for one in failed])
        raise EngineError("%d of %d movies were not detected, the first is %s: %s" % (
            len(failed), len(many.movies), failed[0]["name"], failed[0]["reason"]), "input" if only_input else "failure")
    if problem is not None:
        raise EngineError("The pooled table was not written: " + problem.sentence, problem.kind)


def in_words(movie):
    """Return what became of a movie: its events, or why there are none."""
    if movie["state"] in COMPLETE:
        counts = movie["counts"] or {}
        events = ", ".join(["%d %s" % (counts[name], name) for name in sorted(counts)]) or "no classes"
        return "%s (%s)" % (movie["state"], events)
    return "%s: %s" % (movie["state"], movie["reason"])


def _is_movie(image):
    """Return whether an open image is a movie, and no picture or table that another command shows."""
    if image is None or is_figure(image):
        return False
    return max(image.getNFrames(), image.getNSlices()) > 1 or frames_are_channels(image)


def quietly(job, request, pixels, progress):
    """Do a job with its progress in a window instead of ImageJ's status line."""
    return connection.call(job, dict(request, dialog=True), pixels, progress)
