"""Plugins > EpiFiji > Networks > Retrain from Review...: trains a new network on reviewed events or corrected cells."""
from epifiji_client.commands.run import call, command
from epifiji_client.images.identity import results_shown
from epifiji_client.networks.training import show_training

RESULTS = ("_epifiji", "_cells")


def _results_of_image():
    return dict((key, value) for key, value in results_shown(endings=RESULTS).items() if value)


def retrain(parameters):
    settings = parameters if "results" in parameters or "folder" in parameters else dict(_results_of_image(), **parameters)
    show_training(call("retrain", {"settings": settings}), parameters)


command("Retrain from Review...", retrain, results_shown(endings=RESULTS))
