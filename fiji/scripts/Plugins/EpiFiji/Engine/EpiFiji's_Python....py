"""Plugins > EpiFiji > Engine > EpiFiji's Python...: shows which Python runs the networks, and sets one up, repairs or removes it."""
from epifiji_client.commands.run import command
from epifiji_client.commands.engine_python import manage_python

command("EpiFiji's Python...", manage_python)
