"""The command line, run in the tests' own process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from epifiji.bridge.cli.main import main


def run(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run the command line in this process: (exit code, standard output, standard error)."""
    monkeypatch.setattr(sys, "argv", ["epifiji", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def run_here(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process, also from fixtures: (exit code, standard output, standard error).

    The streams have the encoding and the errors of those of a process.
    """
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit) as ended,
        redirect_stdout(streams[0]),
        redirect_stderr(streams[1]),
    ):
        patch.setattr(sys, "argv", ["epifiji", *arguments])
        main()
    out, err = (stream.buffer.getvalue().decode("utf-8", "backslashreplace") for stream in streams)  # type: ignore[attr-defined]
    return int(ended.value.code or 0), out, err


def one_sentence(error: str) -> str:
    """Check that standard error contains one line that starts with the program's name, and return it."""
    lines = error.strip().splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("epifiji: ")
    assert "Traceback" not in lines[0]
    return lines[0]
