"""Standard streams with old encodings, closed, full, or without a reader; and a user without a home folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import tifffile

from epifiji.files.results.events_table import read_events

EPIFIJI = [sys.executable, "-m", "epifiji"]
INSIDE = "something went wrong inside"


def run(arguments: Sequence[str], **variables: str | None) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, **variables}
    env = {name: value for name, value in env.items() if value is not None}
    return subprocess.run([*EPIFIJI, *arguments], env=env, capture_output=True, timeout=300, check=False)


def in_shell(line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which "$@" stands for the call of the command line."""
    command = ["bash", "-c", line, "bash", *EPIFIJI, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932"])
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["detect", "--help"], ["networks", "show", "epinet"], ["networks", "list"]],
    ids=" ".join,
)
def test_an_output_with_an_old_encoding_accepts_any_text(encoding: str, arguments: list[str]) -> None:
    ended = run(arguments, PYTHONIOENCODING=encoding, PYTHONUTF8="0", EPIFIJI_NETWORKS=None)
    assert (ended.returncode, ended.stderr) == (0, b"")
    shown = ended.stdout.decode(encoding)
    assert len(shown) > 200
    assert not re.search(r"\\u2013|\\u2026", shown), "a dash and dots have stand-ins that people can read"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
def test_the_json_of_movies_of_any_name_is_json_in_any_encoding(
    encoding: str, tmp_path: Path, movie_file: Path, epinet_folder: Path
) -> None:
    names = ["zellen_äö", "細胞", "mouche_🪰"]
    movies = [tmp_path / f"{name}.tif" for name in names]
    for movie in movies:
        movie.write_bytes(movie_file.read_bytes())
    ended = run(["detect", *map(str, movies), "--network", str(epinet_folder), "--json"], PYTHONIOENCODING=encoding)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.decode(encoding))["results"]
    assert [one["movie"] for one in found] == names
    assert all((tmp_path / f"{name}_epifiji" / "events.csv").is_file() for name in names)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", "| true", "2> >(true)"])
def test_a_detection_succeeds_whatever_happens_to_its_streams(
    redirection: str, tmp_path: Path, movie_file: Path, epinet_folder: Path
) -> None:
    movie = tmp_path / "movie.tif"
    movie.write_bytes(movie_file.read_bytes())
    arguments = ["detect", str(movie), "--network", str(epinet_folder), "--threshold", "0", "--min-volume", "0"]
    ended = in_shell(f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}', *arguments, "--maps", "raw")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    folder = tmp_path / "movie_epifiji"
    assert read_events(folder / "events.csv")
    # A file that is opened after a stream was closed must not get the stream's number, because other code prints to it.
    for file in folder.glob("*.tif"):
        assert tifffile.imread(file).shape[0] == 12
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["movie"]["name"] == "movie"


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "2> >(true)"])
def test_a_refusal_has_its_exit_code_if_standard_error_is_closed(redirection: str) -> None:
    assert in_shell(f'"$@" {redirection}', "detect", "nowhere.tif").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_for_standard_output_is_reported() -> None:
    ended = in_shell('"$@" > /dev/full', "networks", "list")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("epifiji: the standard output could not be read or written (No space left on device)")


NO_HOME = """
import os, pwd, sys
for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME"):
    os.environ.pop(name, None)
def unknown(*_):
    raise KeyError("getpwuid(): uid not found: 12345")
# As for a user of a container who has a number but no name.
pwd.getpwuid = unknown
from epifiji.bridge.cli.main import main
main()
"""


def without_home(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_HOME, *arguments]
    env = {name: value for name, value in os.environ.items() if name != "EPIFIJI_NETWORKS"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="users of Windows have a home")
class TestUserWithoutHome:
    def test_detects_with_epinet_and_makes_no_folder_named_tilde(
        self, tmp_path: Path, movie_file: Path, epinet_folder: Path
    ) -> None:
        (tmp_path / "movie.tif").write_bytes(movie_file.read_bytes())
        ended = without_home(tmp_path, "detect", "movie.tif", "--network", str(epinet_folder), "--memory", "0.1")
        assert ended.returncode in (0, 2), ended.stderr
        ended = without_home(tmp_path, "detect", "movie.tif", "--network", str(epinet_folder), "--overwrite")
        assert ended.returncode == 0, ended.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["movie.tif", "movie_epifiji"]
        assert "epinet" in without_home(tmp_path, "networks", "list").stdout

    def test_an_imported_network_is_refused_with_an_alternative_place(
        self, tmp_path: Path, epinet_folder: Path
    ) -> None:
        ended = without_home(tmp_path, "networks", "import", str(epinet_folder), "--name", "mine")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert line.startswith("epifiji: this user has no home folder") and "set HOME or XDG_DATA_HOME" in line
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_a_home_without_write_permission_is_reported_and_detection_works(
    home: str, tmp_path: Path, movie_file: Path, epinet_folder: Path
) -> None:
    variables = dict.fromkeys(("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "EPIFIJI_NETWORKS"))
    ended = run(["networks", "import", str(epinet_folder), "--name", "mine"], HOME=home, **variables)
    assert ended.returncode in (1, 2)
    assert home.encode() in ended.stderr
    assert INSIDE.encode() not in ended.stderr
    movie = tmp_path / "movie.tif"
    movie.write_bytes(movie_file.read_bytes())
    ended = run(["detect", str(movie), "--network", str(epinet_folder)], HOME=home, **variables)
    assert ended.returncode == 0, ended.stderr
