"""What the networks of a trial find with the thresholds that its sliders show (Jython 2.7)."""
from java.awt import Color

KEYS = ("threshold", "min_volume")


class Finds(object):
    """The candidates of each network, their thresholds, and the chosen network."""

    def __init__(self, found):
        self.place = found["place"]
        self.colours = dict((one["name"], Color(*one["colour"])) for one in found["classes"])
        self.networks = dict((one["name"], one) for one in found["networks"])
        self.own = dict((one["name"], {"threshold": one["thresholds"], "min_volume": one["min_volumes"]}) for one in found["networks"])
        self.values = dict((name, dict((key, dict(own[key])) for key in KEYS)) for name, own in self.own.items())
        suggested = found["suggested"]
        self.network = self.networks[suggested["value"]] if suggested is not None else found["networks"][0]

    def usable(self):
        """Return whether the chosen network can be used at the place."""
        return not self.network["problem"]

    def choose(self, name):
        """Choose a network; the sliders are those of its thresholds."""
        self.network = self.networks[name]

    def events(self, name, kind):
        """Return the events of a network that pass, of one class or of all, as (frame, y, x, colour) in the place."""
        values, place = self.values[name], self.place
        return [(one["frame"] - 1 - place["first"], one["y"] - place["y"], one["x"] - place["x"], self.colours[one["event"]])
                for one in self.networks[name]["events"]
                if kind in (None, one["event"]) and one["raw_score"] > values["threshold"][one["event"]] / 255.0
                and one["volume"] > values["min_volume"][one["event"]]]

    def limits(self, key, classes):
        """Return the least and the greatest value of some classes of the chosen network."""
        values = [self.values[self.network["name"]][key][kind] for kind in classes]
        return min(values), max(values)

    def set(self, key, classes, value):
        """Set the value of some classes of the chosen network."""
        for kind in classes:
            self.values[self.network["name"]][key][kind] = value

    def largest(self):
        """Return the largest volume of a candidate."""
        return max([100] + [one["volume"] for network in self.networks.values() for one in network["events"]])

    def changed(self, name):
        """Return the thresholds of a network by key as texts; empty where they are its own."""
        return dict((key, "" if values == self.own[name][key] else _text(values)) for key, values in self.values[name].items())


def _text(values):
    if len(set(values.values())) == 1:
        return str(list(values.values())[0])
    return ",".join("%s=%d" % pair for pair in sorted(values.items()))
