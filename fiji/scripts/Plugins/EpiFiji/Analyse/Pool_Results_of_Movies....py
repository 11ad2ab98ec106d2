"""Plugins > EpiFiji > Analyse > Pool Results of Movies...: counts the events of many movies in one table, and compares conditions."""
from epifiji_client.commands.run import call, command
from epifiji_client.events.many.pooled import show_pooled


def pool(parameters):
    show_pooled(call("pool", {"settings": parameters}), parameters.get("table", True))


command("Pool Results of Movies...", pool)
