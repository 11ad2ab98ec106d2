"""Plugins > EpiFiji > Engine > Stop EpiFiji Engine: ends the Python process that runs the networks; the next command starts it again."""
from epifiji_client.commands.run import command, end_process, report
from epifiji_client.engine.worker_process import stop


def stop_engine(parameters):
    report("the engine was stopped" if stop() else "no engine was running")
    if "exit_code" in parameters:
        end_process(parameters["exit_code"])


command("Stop EpiFiji Engine", stop_engine)
