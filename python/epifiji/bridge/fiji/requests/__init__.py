"""The jobs that Fiji's commands request from the engine, one file for each topic."""
