"""Plugins > EpiFiji > Networks > Fetch DeXtrusion Network...: downloads a network of DeXtrusion's authors."""
from epifiji_client.commands.run import call, command, report


def fetch_network(parameters):
    report(call("fetch_network", {"settings": parameters})["said"])


command("Fetch DeXtrusion Network...", fetch_network)
