"""Plugins > EpiFiji > Detect > Try Networks Here: what each network finds at one place of the open movie, in a few seconds."""
from epifiji_client.commands.run import command
from epifiji_client.events.trial.trial import LABEL, try_networks

command(LABEL, try_networks)
