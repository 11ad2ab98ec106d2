"""Plugins > EpiFiji > Networks > Export EpiFiji Network...: writes an EpiNet for other programs."""
from epifiji_client.commands.run import call, command, report


def export_network(parameters):
    report(call("export_network", {"settings": parameters})["said"])


command("Export EpiFiji Network...", export_network)
