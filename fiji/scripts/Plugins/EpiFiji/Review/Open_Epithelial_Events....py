"""Plugins > EpiFiji > Review > Open Epithelial Events...: shows the events of an earlier run on the open movie."""
from epifiji_client.commands.run import call, command, report
from epifiji_client.images.identity import movie_of, results_shown
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.opening import events_shown, table_wanted


def open_events(parameters):
    found = call("open", {"settings": parameters, "as_text": True, "table": table_wanted(parameters)})
    for notice in found["notices"]:
        log(notice)
    image = movie_of(current_image(needed=False), found, "The events in %s" % found["folder"])
    events_shown(image, found, parameters, parameters["results"])
    report("%d events of %s" % (sum([kind["count"] for kind in found["classes"]]), found["name"]))


command("Open Epithelial Events...", open_events, results_shown())
