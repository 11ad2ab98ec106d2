"""Plugins > EpiFiji > Networks > Import EpiFiji Network...: imports a network from a file, a folder or an address."""
from epifiji_client.commands.run import call, command, report


def import_network(parameters):
    report(call("import_network", {"settings": parameters})["said"])


command("Import EpiFiji Network...", import_network)
