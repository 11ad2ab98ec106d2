"""Plugins > EpiFiji > Networks > Study Cells...: a learning curve and ablations of networks for cells, with table and plots."""
from epifiji_client.commands.run import call, command
from epifiji_client.engine.errors import EngineError
from epifiji_client.networks.training import show_training


def study(parameters):
    try:
        found = call("study_cells", {"settings": parameters})
    except EngineError as error:
        if error.kind == "cancelled":
            raise EngineError("It was cancelled; finished trainings are kept, and the same command continues.", "cancelled")
        raise
    show_training(found, parameters, "Study of %s")


command("Study Cells...", study)
