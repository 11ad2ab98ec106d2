"""Plugins > EpiFiji > Retrain from Review...: a network that learnt from what you kept, rejected, added and corrected."""
from epifiji_client import call, command
from epifiji_identity import results_shown
from epifiji_training import show_training


def _own():
    return dict((key, value) for key, value in results_shown().items() if value)


def retrain(parameters):
    known = parameters if "results" in parameters or "folder" in parameters else dict(_own(), **parameters)
    show_training(call("retrain", {"settings": known}), parameters)


command("Retrain from Review...", retrain, results_shown())
