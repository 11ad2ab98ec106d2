"""Plugins > EpiFiji > Retrain from Review...: a network that learnt from what you kept, rejected, added and corrected."""
from epifiji_client import call, command
from epifiji_images import results_shown
from epifiji_training import show_training


def retrain(parameters):
    known = parameters if "results" in parameters or "folder" in parameters else dict(results_shown(), **parameters)
    show_training(call("retrain", {"settings": known}), parameters)


command("Retrain from Review...", retrain, results_shown())
