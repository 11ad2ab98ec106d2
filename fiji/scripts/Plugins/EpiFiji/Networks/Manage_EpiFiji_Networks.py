"""Plugins > EpiFiji > Networks > Manage EpiFiji Networks: lists networks with their cards; chooses the default, removes one."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.screen.log import log
from epifiji_client.networks.window import NetworksWindow, lines_of

LABEL = "Manage EpiFiji Networks"


def manage(parameters):
    if Macro.getOptions() is None and not GraphicsEnvironment.isHeadless():
        NetworksWindow(LABEL).run()
        return
    given = dict(parameters)
    card = given.pop("card", None)
    if card:
        for line in call("network_card", {"network": card})["card"].splitlines():
            log(line)
    if given:
        report(call("manage_networks", {"settings": given})["said"])
    if not parameters:
        for line in lines_of(call("networks", {})):
            log(line)


command(LABEL, manage)
