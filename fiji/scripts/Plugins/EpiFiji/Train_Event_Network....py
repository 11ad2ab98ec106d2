"""Plugins > EpiFiji > Train Event Network...: a network for events of your own, from annotated movies."""
from epifiji_client import call, command
from epifiji_training import show_training


def train(parameters):
    show_training(call("train", {"settings": parameters}), parameters)


command("Train Event Network...", train)
