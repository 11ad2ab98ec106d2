"""The command line, run in the tests' own process."""

from __future__ import annotations

import sys

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


def one_sentence(error: str) -> str:
    """Check that standard error contains one line that starts with the program's name, and return it."""
    lines = error.strip().splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("epifiji: ")
    assert "Traceback" not in lines[0]
    return lines[0]
