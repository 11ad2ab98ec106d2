"""Messages in Fiji name settings as its dialogs and macros do, in whichever part of the package they are written."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.messages import in_fiji_terms
from epifiji.bridge.fiji.requests import answer as requests

PACKAGE = Path(__file__).resolve().parents[3] / "python" / "epifiji"
OF_THE_TERMINAL = {
    "bridge/cli",
    "bridge/imagej",
    *(f"bridge/fiji/{name}.py" for name in ("install", "open", "messages")),
}
"""Parts of the bridge whose texts are never shown in Fiji."""

OPTION = re.compile(r"(?<![\w-])--[a-z]")
"""An option of the command line; no sentence may contain one."""

TERMINAL_LINE = re.compile(r"'(?:epifiji|pip) [^']*'")


def _below_fiji() -> Iterator[Path]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if {inside.as_posix(), *(parent.as_posix() for parent in inside.parents)} & OF_THE_TERMINAL:
            continue
        yield path


def _texts(path: Path) -> Iterator[str]:
    """Yield every text of a module except docstrings; in f-strings X stands for the values."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    spoken = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (inside | spoken):
            yield node.value


@pytest.fixture(scope="module")
def messages() -> list[tuple[Path, str]]:
    return [(path, text) for path in _below_fiji() for text in _texts(path)]


def test_no_text_in_fiji_contains_an_option_of_the_command_line(messages: list[tuple[Path, str]]) -> None:
    with_options = [(path, text) for path, text in messages if OPTION.search(TERMINAL_LINE.sub("", text))]
    assert len(with_options) > 15, "the walk finds the messages that name settings"
    for path, text in with_options:
        for label in (None, *COMMANDS):
            for dialog in (False, True):
                said = in_fiji_terms(text, label, dialog)
                assert not OPTION.search(TERMINAL_LINE.sub("", said)), f"{path.name}: {said}"
                assert "--" not in TERMINAL_LINE.sub("", said), f"{path.name}: {said}"


def test_no_text_of_the_package_uses_the_notation_of_macros(messages: list[tuple[Path, str]]) -> None:
    for path, text in messages:
        assert not re.search(r"(?:give|specify|with|leave) \w+=\[", text), f"{path.name}: {text}"


ROOT = PACKAGE.parents[1]
SCRIPTS = sorted([*(ROOT / "jars" / "Lib").rglob("*.py"), *(ROOT / "fiji" / "scripts").rglob("*.py")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_of_a_script_uses_the_notation_of_macros(script: Path) -> None:
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', script.read_text(encoding="ascii"))
    assert not [text for text in texts if re.search(r"\b(?:give|specify|with|leave|choose) (?:one with )?\w+=", text)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_sentences_are_written_into_the_log_by_one_function(script: Path) -> None:
    assert script.name == "log.py" or 'IJ.log("EpiFiji' not in script.read_text(encoding="ascii")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_windows_of_swing_follow_the_gui_scale_of_imagej(script: Path) -> None:
    text = script.read_text(encoding="ascii")
    assert "JFrame(" not in text or "enlarged(" in text


@pytest.mark.parametrize(
    ("text", "label", "macro", "dialog"),
    [
        (
            "X exists: give another --out, or --overwrite to replace it.",
            commands.DETECT,
            "X exists: give another out, or overwrite to replace it.",
            'X exists: give another out (in a macro), or "Overwrite earlier results" under More settings to replace it.',
        ),
        (
            "choose it with --channel N (1 to 3).",
            commands.DETECT,
            "choose it with channel=N (1 to 3).",
            'choose it with "Channel" under More settings (1 to 3).',
        ),
        (
            "detect with --maps raw to keep them.",
            commands.DETECT,
            "detect with maps=raw to keep them.",
            'detect with "Probability maps" raw to keep them.',
        ),
        (
            "results cannot be written: give another --out.",
            commands.ADJUST,
            "results cannot be written: give another folder.",
            "results cannot be written: give another folder.",
        ),
        ("give --out DIR.", commands.PLOT, "give out=[folder].", 'give "Output".'),
        (
            "threshold is 'a', but it must be a number: give another value, or leave threshold out.",
            commands.DETECT,
            "threshold is 'a', but it must be a number: give another value, or leave threshold out.",
            "\"Threshold\" is 'a', but it must be a number: give another value, or leave the field empty.",
        ),
        (
            "run 'pip install --upgrade tensorflow', or use --device cpu.",
            commands.DETECT,
            "run 'pip install --upgrade tensorflow', or use device=cpu.",
            "run 'pip install --upgrade tensorflow', or use \"Device\" under More settings cpu.",
        ),
        (
            "run 'epifiji plot' on their results first, or 'epifiji networks import a b.zip', or 'epifiji plots'.",
            commands.POOL,
            'run "Plot Event Statistics..." on their results first, or "Import EpiFiji Network...", or \'epifiji plots\'.',
            'run "Plot Event Statistics..." on their results first, or "Import EpiFiji Network...", or \'epifiji plots\'.',
        ),
        (
            "best for X: --threshold cell_death=130,cell_sop=140",
            commands.EVALUATE,
            "best for X: threshold=cell_death=130,cell_sop=140",
            'best for X: "Threshold" cell_death=130,cell_sop=140',
        ),
    ],
)
def test_a_setting_has_its_name_in_the_macro_and_in_the_dialog(text: str, label: str, macro: str, dialog: str) -> None:
    assert in_fiji_terms(text, label) == macro
    assert in_fiji_terms(text, label, dialog=True) == dialog


@pytest.mark.parametrize("name", ["a--threshold.tif", "/movies/--out/a.tif", "C:\\--out.tif", "x --nothing y", "---"])
def test_names_of_files_are_not_translated(name: str) -> None:
    assert in_fiji_terms(f"{name} is empty.", commands.DETECT) == f"{name} is empty."


def _asked(job: str, dialog: bool, **request: Any) -> str:
    answer = json.loads(requests.answer(job, json.dumps({"dialog": dialog, **request}), [], lambda done, doing: None))
    return str(answer["error"])


@pytest.mark.parametrize("dialog", [False, True])
def test_refusals_of_requests_contain_no_options(
    dialog: bool, movie_file: Path, network_folder: Path, tmp_path: Path
) -> None:
    """Refusals of the engine, requested as Fiji does."""
    (tmp_path / "noise_epifiji").mkdir()
    (tmp_path / "noise_epifiji" / "events.csv").write_text("event\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken.png").write_text("")
    taken = {"input": str(movie_file), "out": str(tmp_path), "network": str(network_folder)}
    beside = {"input": str(movie_file), "output": str(tmp_path / "a"), "network": str(network_folder)}
    image = {
        "title": "noise.tif",
        "shape": [12, 70, 80],
        "bits": 8,
        "signed": False,
        "file": None,
        "notices": [],
        "calibration": {
            "pixel_width": 1.0,
            "pixel_height": 1.0,
            "x_unit": "pixel",
            "y_unit": "pixel",
            "interval": 0.0,
            "time_unit": "sec",
        },
    }
    said = [
        _asked("detect", dialog, settings=taken),
        _asked("detect", dialog, settings=beside | {"threshold": "many"}),
        _asked("detect", dialog, settings=beside | {"cell_diameter": "400"}),
        _asked("detect", dialog, settings={"save": True, "network": str(network_folder)}, image=image),
        _asked("candidates", dialog, results=str(tmp_path / "empty")),
        _asked("maps", dialog, settings={"results": str(tmp_path / "empty")}),
        _asked("open", dialog, settings={}),
        _asked("review_begin", dialog, settings={}),
        _asked("plot", dialog, settings={}, headless=True),
        _asked("compare", dialog, settings={"detected": str(tmp_path)}),
        _asked("train", dialog, settings={}),
        _asked("retrain", dialog, settings={}),
        _asked("evaluate", dialog, settings={}),
        _asked("crop", dialog, settings={"input": str(tmp_path / "none.tif")}),
    ]
    for sentence in said:
        assert sentence.endswith("."), sentence
        assert "--" not in sentence, sentence
        assert "inside" not in sentence, sentence
    overwrite = next(one["label"] for one in described(commands.DETECT)["parameters"] if one["key"] == "overwrite")
    assert (f'"{overwrite}"' if dialog else "or overwrite to replace") in said[0]
    assert said[1].startswith('"Threshold" is' if dialog else "threshold is")


@pytest.mark.parametrize(
    ("job", "setting", "said"),
    [
        (
            "detect",
            {"cell_diameter": "-15"},
            '"Cell diameter" is -3 µm (-15 px), but it must be a number above 0 and at most 400 µm (2000 px) or auto: give '
            "another value, or leave the field empty.",
        ),
        (
            "detect",
            {"event_duration": "20000"},
            '"Event duration" is 100000 min (20000 frames), but it must be a number above 0 and at most 50000 min (10000 '
            "frames): give another value, or leave the field empty.",
        ),
        (
            "compare",
            {"distance_t": "-2"},
            '"Maximum distance in time" is -10 min (-2 frames), but it must be a number from 0 to 50000 min (10000 '
            "frames): give another value, or leave the field empty.",
        ),
        (
            "detect",
            {"cell_diameter": "1,5"},
            "\"Cell diameter\" is '1,5', but it must be a number above 0 and at most 400 µm (2000 px) or auto: write 1.5, with "
            "a point, or leave the field empty.",
        ),
        (
            "score_begin",
            {"number": "1,5"},
            "\"Number of events\" is '1,5', but it must be a whole number from 1 to 100000: give another value,",
        ),
        ("plot", {"time_bin": "0"}, '"Time bin" is 0, but it must be a number from 5 min (1 frame) to'),
        ("detect", {"threshold": "400"}, "\"Threshold\" is '400', but it must be a whole number from 0 to 255"),
        # The settings of a training are not those of the open movie.
        ("train", {"cell_diameter": "-15"}, "\"Cell diameter\" is '-15', but it must be a number"),
    ],
)
def test_a_refused_value_is_in_the_units_of_the_dialog(job: str, setting: dict[str, str], said: str) -> None:
    assert _asked(job, dialog=True, settings=setting, scale={"length": 5, "time": 0.2}).startswith(said)


def test_a_request_that_is_not_json_is_refused_in_one_sentence() -> None:
    answer = json.loads(requests.answer("detect", "{", [np.zeros(1, np.uint8)], lambda done, doing: None))
    assert answer["error"].endswith(".")


def test_help_of_dialogs_names_commands_of_the_menu() -> None:
    """And none for a terminal, where the menu has it."""
    helps = [one["help"] for label in COMMANDS for one in described(label)["parameters"]]
    assert not [text for text in helps if "'epifiji networks" in text]
    assert any('chosen with "Manage EpiFiji Networks"' in text for text in helps)
