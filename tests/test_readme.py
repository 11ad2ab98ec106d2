"""README and documentation agree with the program: settings, commands, macros, Python."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import epifiji
from epifiji.bridge.cli.main import app
from epifiji.bridge.fiji.commands import COMMANDS, DETECT, PYTHON
from epifiji.bridge.fiji.dialogs import described
from epifiji.data.descriptions import DESCRIPTIONS
from epifiji.data.record import RunRecord
from epifiji.data.settings import cyst_jobs, jobs
from epifiji.data.settings.base import Settings, expectation, parse_settings, shown_of
from epifiji.data.settings.comparison import ComparisonSettings, PoolSettings, StatisticsSettings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.evaluation import EvaluationSettings
from epifiji.data.settings.movies import CropSettings, GallerySettings, ScalingSettings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.data.settings.splitting import CellSplitSettings
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.files.results.events_table import COLUMNS
from epifiji.files.results.reviews import COLUMNS as REVIEW_COLUMNS
from epifiji.jobs.scoring.random_sample import COLUMNS as SCORE_COLUMNS
from pages import DOCS, PAGES, README, ROOT, TEXTS, built


def settings_table(kind: type[Settings]) -> str:
    """Write the settings in the form of the documentation's table."""
    rows = ["| Setting | Value | Unit | Default | Meaning |", "|---|---|---|---|---|"]
    for name, field in kind.model_fields.items():
        value = expectation(kind, name).removeprefix("it must be ")
        default = "" if field.default in (None, ()) or field.default is False else f"{field.default}"
        unit = shown_of(field).unit
        rows.append(f"| `--{name.replace('_', '-')}` | {value} | {unit} | {default} | {field.description} |")
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Detection", DetectionSettings),
        ("Comparison", ComparisonSettings),
        ("Evaluation", EvaluationSettings),
        ("Splitting images with cells", CellSplitSettings),
        ("Statistics", StatisticsSettings),
        ("Pooled movies", PoolSettings),
        ("Training", TrainingSettings),
        ("Retraining", RetrainingSettings),
        ("Cropping", CropSettings),
        ("Rescaling", ScalingSettings),
        ("Galleries", GallerySettings),
        ("Simulation", SimulationSettings),
    ],
)
def test_the_settings_are_those_of_the_program(title: str, kind: type[Settings]) -> None:
    shown = re.search(
        rf"^## {title}\n.*?\n(\|.*?)(?:\n\n|\Z)", built("reference/settings.md"), re.DOTALL | re.MULTILINE
    )
    assert shown is not None
    assert shown.group(1).strip() == settings_table(kind)


def test_networks_events_and_output_of_every_job_are_in_the_reference() -> None:
    page = built("reference/settings.md")
    every = {**vars(jobs), **vars(cyst_jobs)}
    kinds = [kind for name, kind in every.items() if isinstance(kind, type) and name.endswith("Job")]
    assert len(kinds) == 27
    for kind in kinds:
        assert f"\n\n{settings_table(kind)}\n" in page, kind


def test_the_two_commands_of_the_start_are_there() -> None:
    assert "    pip install . && epifiji demo\n" in README
    assert "    pip install '.[test]' && pytest\n" in README


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert README.count("\n") <= 90


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_and_option_that_is_shown_exists(page: str) -> None:
    import typer

    commands = typer.main.get_command(app).commands
    shown = re.findall(r"^    epifiji ([\w-]+)(.*)$", TEXTS[page], re.MULTILINE)
    assert shown or page != "README.md"
    for name, rest in shown:
        assert name in commands
        command = commands[name]
        if hasattr(command, "commands"):
            word = rest.split()[0]
            assert word in command.commands or command.params
            command = command.commands.get(word, command)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r" (--[a-z][a-z0-9-]*)", rest)) <= known


def test_every_command_and_option_is_in_the_reference() -> None:
    import typer

    page = built("reference/commands.md")
    for name, command in typer.main.get_command(app).commands.items():
        group = getattr(command, "commands", {})
        for path, one in ({f"{name} {sub}": one for sub, one in group.items()} | {name: command}).items():
            (section,) = re.findall(rf"^#+ epifiji {path}\n(.*?)(?=^#|\Z)", page, re.DOTALL | re.MULTILINE)
            assert one.help in section
            shown = set(re.findall(r"(?<=[`\s])--?[a-z][a-z0-9-]*", section))
            assert {option for parameter in one.params for option in parameter.opts if option.startswith("-")} <= shown


def test_every_key_of_every_command_of_fiji_is_in_the_reference() -> None:
    page = built("reference/fiji-commands.md")
    for label, model in COMMANDS.items():
        (section,) = re.findall(rf"^## {re.escape(label)}\n(.*?)(?=^#|\Z)", page, re.DOTALL | re.MULTILINE)
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(model.model_fields)


def test_every_public_name_is_in_the_reference() -> None:
    shown = re.findall(r"^::: epifiji\.(\w+)$", PAGES["reference/python.md"], re.MULTILINE)
    assert sorted(shown) == sorted(epifiji.__all__)


def described_names(title: str) -> set[str]:
    """Return the names in the first column of the last table under a title of the page on files."""
    (section,) = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGES["reference/files.md"], re.DOTALL | re.MULTILINE
    )
    rows = re.split(r"^\|---.*$", section, flags=re.MULTILINE)[-1]
    return {name for cell in re.findall(r"^\|([^|]*)\|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def test_columns_and_entries_of_files_are_described() -> None:
    assert described_names("events.csv") == {*COLUMNS, "y_um", "x_um", "time_min"}
    assert described_names("review.csv") == set(REVIEW_COLUMNS)
    assert described_names("Networks") == {name for family in DESCRIPTIONS.values() for name in family.model_fields}
    assert described_names("run.json") >= set(RunRecord.model_fields)
    assert all(f"`{name}`" in PAGES["reference/files.md"] for name in SCORE_COLUMNS)


def test_what_a_run_records_is_described(movie_file: Path, network_folder: Path, tmp_path: Path) -> None:
    folder = epifiji.detect(movie_file, network_folder).save(tmp_path / "results")
    assert set(json.loads((folder / "run.json").read_text(encoding="utf-8"))) <= described_names("run.json")


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES:
        assert page.startswith("decisions/") or f": {page}\n" in text, page


def options(text: str) -> dict[str, str | bool]:
    """Read a macro's options; a key without value is true."""
    read = re.findall(r"(\w+)(?:=(?:\[(.*?)\]|(\S+)))?(?:\s+|$)", text)
    return {key: bracketed or plain or True for key, bracketed, plain in read}


def test_the_commands_of_fiji_are_all_there() -> None:
    assert re.findall(r"^\| `([A-Z][^`]+)` \|", built("reference/fiji-commands.md"), re.MULTILINE) == list(COMMANDS)


def test_every_window_is_listed_by_submenu() -> None:
    table = PAGES["windows.md"].split("| Submenu |")[1].split("\n\n")[0]
    submenus = {path.parent.name for path in (ROOT / "fiji/scripts/Plugins/EpiFiji").rglob("*_*.py")}
    assert set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) == submenus


def test_the_checklist_for_fiji_lists_what_is_installed() -> None:
    checklist = PAGES["fiji.md"]
    macros = sorted(file.name for file in (ROOT / "fiji" / "macros" / "epifiji").iterdir())
    assert f"macros/epifiji/            {', '.join(macros)}\n" in checklist
    steps = [int(number) for number in re.findall(r"^\| (\d+) \|", checklist, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))


def test_labels_are_those_of_the_files_and_no_other_plugins() -> None:
    """ImageJ identifies a command only by its last label; these belong to DeXtrusion's plugin."""
    files = (ROOT / "fiji" / "scripts" / "Plugins" / "EpiFiji").rglob("*.py")
    assert sorted(file.name.removesuffix(".py").replace("_", " ") for file in files) == sorted(COMMANDS)
    assert all(label.isascii() and not label.endswith("....") for label in COMMANDS)
    assert not {label.lower().rstrip(".") for label in COMMANDS} & {"detect events", "load events"}


def test_dots_end_the_label_of_every_command_that_may_ask_and_of_no_other() -> None:
    """As in every menu: dots mean that a dialog opens before anything is done."""
    asking = {label for label in COMMANDS if any(one["page"] != "macro" for one in described(label)["parameters"])} | {
        PYTHON
    }
    assert {label for label in COMMANDS if label.endswith("...")} == asking


def test_every_macro_example_is_understood_by_its_command() -> None:
    shown = re.findall(r"""run\("([^"]+)"(?:, "([^"]*)")?\)""", "\n".join(TEXTS.values()))
    assert len(shown) > 3
    for label, text in shown:
        parse_settings(COMMANDS[label], options(text))


def test_the_examples_of_the_batch_macro_are_understood_by_the_detection() -> None:
    shown = re.findall(r'batch_detect\.ijm[^"]*"([^"]+)"', PAGES["howto/batch-macro.md"])
    assert len(shown) == 2
    for text in shown:
        parse_settings(COMMANDS[DETECT], options(text))
        assert {"input", "out"} <= options(text).keys()


@pytest.mark.parametrize("page", TEXTS)
def test_the_files_that_are_linked_exist(page: str) -> None:
    """The site's builder checks anchors too; not everybody who runs the tests has it."""
    folder = ROOT if page == "README.md" else (DOCS / page).parent
    for file in re.findall(r"\]\(((?!http)[^)#]+)(?:#[^)]*)?\)", TEXTS[page]):
        assert (folder / file).is_file(), file


def test_the_python_example_runs(
    movie_file: Path,
    network_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    shutil.copy(movie_file, tmp_path / "movie.tif")
    shutil.copytree(network_folder, tmp_path / "networks" / "notum_all")
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(tmp_path / "networks"))
    monkeypatch.chdir(tmp_path)
    (first,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (example,) = re.findall(r"```python\n(.*?)```", PAGES["howto/python.md"], re.DOTALL)
    assert example.startswith(first)
    # A random network has lower probabilities than a trained one, and the test movie is shorter.
    example = example.replace("threshold=170", "threshold=0, min_volume=0").replace("frames(0, 20)", "frames(0, 12)")
    names: dict[str, object] = {}
    exec(compile(example, "python.md", "exec"), names)
    found = names["result"].events
    assert capsys.readouterr().out.count("\n") == len(found) > 0
    assert (tmp_path / "movie_epifiji" / "events.csv").is_file()
    assert names["array_result"].events == epifiji.detect("movie.tif", "notum_all").events
