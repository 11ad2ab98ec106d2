"""Plugins > EpiFiji > Networks > Train Event Network...: trains a network on annotated movies, or on images with annotated cells."""
from epifiji_client.commands.run import call, command
from epifiji_client.networks.training import show_training


def train(parameters):
    show_training(call("train", {"settings": parameters}), parameters)


command("Train Event Network...", train)
