"""Installing into a Fiji folder and uninstalling: which files are written, which are never changed, and what is undone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.install import install_fiji, uninstall_fiji
from epifiji.bridge.fiji.manifest import Installation, install_files, own_version
from epifiji.bridge.imagej.jars import WORKER, class_path
from epifiji.data.errors import WrongInputError
from fiji_folders import contents, make_fiji

ROOT = Path(__file__).resolve().parents[3]
SCRIPT, MODULE = "scripts/Plugins/EpiFiji/Detect_It.py", "jars/Lib/epifiji_module.py"
FIRST = {SCRIPT: b"print(1)\n", "macros/epifiji/batch.ijm": b"// 1\n", MODULE: b"ONE = 1\n"}
SECOND = {SCRIPT: b"print(2)\n", MODULE: b"ONE = 1\n", "macros/epifiji2/other.ijm": b"// 2\n"}


@pytest.fixture
def fiji(tmp_path: Path) -> Path:
    return make_fiji(tmp_path / "Fiji für Müller, コピー")


def steps(installation: Installation) -> dict[str, str]:
    return {step.path: step.what for step in (*installation.written, *installation.left, *installation.removed)}


def refused(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(WrongInputError) as caught:
        call(*arguments)
    return str(caught.value)


def manifest(folder: Path) -> dict[str, dict[str, str]]:
    return json.loads((folder / "jars/epifiji/installed.json").read_text(encoding="utf-8"))


class TestInstalling:
    def test_the_overlay_is_copied_unchanged(self, fiji):
        install_fiji(fiji)
        for source, target in (("fiji/scripts", "scripts"), ("fiji/macros", "macros"), ("jars/Lib", "jars/Lib")):
            for path in (ROOT / source).rglob("*"):
                if path.suffix in {".py", ".ijm"}:
                    assert (fiji / target / path.relative_to(ROOT / source)).read_bytes() == path.read_bytes()

    def test_only_libraries_that_this_fiji_lacks_are_added(self, fiji: Path) -> None:
        own = {"jars/jna-5.17.0.jar", "jars/linux64/groovy-5.0.1.jar", "jars/jna-platform-extra-1.0.jar"}
        for path in own:
            (fiji / path).parent.mkdir(exist_ok=True)
            (fiji / path).write_bytes(b"Fiji's own")
        install_fiji(fiji)
        added = (
            {path.name for path in (fiji / "jars").glob("*.jar")} - {"ij-1.54p.jar"} - {Path(path).name for path in own}
        )
        wanted = {path.name for path in class_path(listed=WORKER)}
        assert wanted - added == {name for name in wanted if name.startswith(("jna-5", "groovy-4"))}
        assert any(name.startswith("appose-") for name in added)
        assert install_fiji(fiji).unchanged
        uninstall_fiji(fiji)
        assert {path.name for path in (fiji / "jars").glob("**/*.jar")} == {
            "ij-1.54p.jar",
            *(Path(path).name for path in own),
        }

    def test_the_settings_schema_and_this_python_are_written(self, fiji):
        install_fiji(fiji)
        schema = json.loads((fiji / "jars/epifiji/settings.json").read_text(encoding="utf-8"))
        assert schema == {"epifiji": own_version(), "commands": {label: described(label) for label in COMMANDS}}
        python = json.loads((fiji / "jars/epifiji/python.json").read_text(encoding="utf-8"))
        told = subprocess.check_output([python["python"], "--version"], text=True)
        assert python["python"] == sys.executable
        assert told.split() == ["Python", python["python_version"]]
        assert python["epifiji_version"] == manifest(fiji)["epifiji"]

    def test_the_manifest_lists_every_file_with_its_sha256_and_every_folder_made(self, fiji):
        before = contents(fiji)
        install_files(fiji, FIRST)
        new = {path: content for path, content in contents(fiji).items() if path not in before}
        files = {path: content for path, content in new.items() if content is not None}
        del files["jars/epifiji/installed.json"]
        assert files == FIRST
        assert manifest(fiji)["files"] == {path: hashlib.sha256(data).hexdigest() for path, data in FIRST.items()}
        assert manifest(fiji)["folders"] == sorted(path for path, content in new.items() if content is None)

    def test_a_second_installation_changes_nothing(self, fiji):
        first = install_fiji(fiji)
        before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in fiji.rglob("*")}
        second = install_fiji(fiji)
        assert not first.unchanged
        assert second.unchanged
        assert set(steps(second).values()) == {"unchanged"}
        assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in fiji.rglob("*")} == before

    def test_an_update_replaces_adds_and_removes(self, fiji):
        install_files(fiji, FIRST)
        assert steps(install_files(fiji, SECOND)) == {
            SCRIPT: "updated",
            MODULE: "unchanged",
            "macros/epifiji2": "made",
            "macros/epifiji2/other.ijm": "new",
            "macros/epifiji/batch.ijm": "removed",
            "macros/epifiji": "removed",
            "jars/epifiji/installed.json": "updated",
        }
        fresh = make_fiji(fiji.parent / "fresh")
        install_files(fresh, SECOND)
        assert contents(fiji) == contents(fresh)

    def test_a_deleted_file_of_epifiji_is_written_again(self, fiji):
        install_files(fiji, FIRST)
        (fiji / SCRIPT).unlink()
        assert steps(install_files(fiji, FIRST))[SCRIPT] == "new"
        assert (fiji / SCRIPT).read_bytes() == FIRST[SCRIPT]

    def test_a_changed_file_that_the_new_version_lacks_is_kept(self, fiji):
        install_files(fiji, FIRST)
        (fiji / "macros/epifiji/batch.ijm").write_text("// changed")
        assert steps(install_files(fiji, SECOND))["macros/epifiji/batch.ijm"] == "changed"
        assert (fiji / "macros/epifiji/batch.ijm").read_text() == "// changed"

    def test_another_python_is_recorded_as_specified(self, fiji, tmp_path):
        link = tmp_path / "python of mine"
        link.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        link.chmod(0o755)
        install_fiji(fiji, link)
        assert json.loads((fiji / "jars/epifiji/python.json").read_text(encoding="utf-8"))["python"] == str(link)

    def test_an_imagej_with_its_jar_next_to_its_plugins_is_accepted(self, tmp_path):
        (tmp_path / "ImageJ" / "plugins").mkdir(parents=True)
        (tmp_path / "ImageJ" / "ij.jar").write_bytes(b"")
        before = contents(tmp_path)
        install_fiji(tmp_path / "ImageJ")
        uninstall_fiji(tmp_path / "ImageJ")
        assert contents(tmp_path) == before


class TestWhatIsNotOurs:
    @pytest.mark.parametrize("content", [b"mine", FIRST[SCRIPT]], ids=["other content", "same content"])
    def test_a_file_of_the_users_is_not_touched(self, fiji, content):
        (fiji / SCRIPT).parent.mkdir()
        (fiji / SCRIPT).write_bytes(content)
        before = contents(fiji)
        message = refused(install_files, fiji, FIRST)
        assert message == (
            f"{fiji / SCRIPT} exists but was not written by EpiFiji, which needs its place: move it away and try again."
        )
        assert contents(fiji) == before

    def test_a_file_that_was_changed_since_is_not_touched(self, fiji):
        install_files(fiji, FIRST)
        (fiji / SCRIPT).write_text("print('my own')")
        before = contents(fiji)
        for version in (FIRST, SECOND):
            message = refused(install_files, fiji, version)
            assert f"{fiji / SCRIPT} was changed since EpiFiji wrote it: to keep your changes, move it" in message
        assert contents(fiji) == before
        (fiji / SCRIPT).rename(fiji.parent / "kept.py")
        install_files(fiji, SECOND)
        assert (fiji / SCRIPT).read_bytes() == SECOND[SCRIPT]

    @pytest.mark.parametrize("place", ["scripts", "scripts/Plugins/EpiFiji", "jars/epifiji"])
    def test_a_link_that_leads_outside_fiji_is_not_followed(self, fiji, tmp_path, place):
        outside = tmp_path / "outside"
        outside.mkdir()
        if (fiji / place).exists():
            (fiji / place).rename(tmp_path / "away")
        (fiji / place).symlink_to(outside)
        before = contents(tmp_path)
        assert f"{fiji / place} is a link that leads outside {fiji}" in refused(install_files, fiji, FIRST)
        assert contents(tmp_path) == before

    def test_a_file_that_is_a_link_is_not_written_through(self, fiji, tmp_path):
        (tmp_path / "outside.py").write_text("mine")
        (fiji / SCRIPT).parent.mkdir()
        (fiji / SCRIPT).symlink_to(tmp_path / "outside.py")
        assert "was not written by EpiFiji" in refused(install_files, fiji, FIRST)
        assert (tmp_path / "outside.py").read_text() == "mine"

    def test_links_in_a_circle_are_refused(self, fiji):
        (fiji / "jars" / "Lib").symlink_to(fiji / "jars" / "Lib")
        assert str(fiji / "jars" / "Lib") in refused(install_files, fiji, FIRST)

    def test_uninstalling_does_not_follow_a_link_made_after_the_installation(self, fiji, tmp_path):
        install_files(fiji, FIRST)
        (fiji / "macros" / "epifiji").rename(tmp_path / "epifiji")
        (fiji / "macros" / "epifiji").symlink_to(tmp_path / "epifiji")
        assert steps(uninstall_fiji(fiji))["macros/epifiji/batch.ijm"] == "changed"
        assert (tmp_path / "epifiji" / "batch.ijm").read_bytes() == FIRST["macros/epifiji/batch.ijm"]

    def test_a_manifest_that_is_a_link_is_refused(self, fiji, tmp_path):
        install_files(fiji, FIRST)
        (fiji / "jars/epifiji/installed.json").rename(tmp_path / "installed.json")
        (fiji / "jars/epifiji/installed.json").symlink_to(tmp_path / "installed.json")
        before = contents(tmp_path)
        for call in (install_fiji, uninstall_fiji):
            assert "installed.json is a link, but EpiFiji wrote a file there" in refused(call, fiji)
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt", "jars/../../outside.txt"])
    def test_a_manifest_that_leads_outside_is_refused(self, fiji, tmp_path, path):
        install_files(fiji, FIRST)
        (tmp_path / "outside.txt").write_text("mine")
        digest = hashlib.sha256(b"mine").hexdigest()
        (fiji / "jars/epifiji/installed.json").write_text(json.dumps({"files": {path: digest}}))
        for call in (install_fiji, uninstall_fiji):
            assert "installed.json cannot be read" in refused(call, fiji)
        assert (tmp_path / "outside.txt").read_text() == "mine"


class TestUninstalling:
    def test_nothing_is_left(self, fiji):
        before = contents(fiji)
        install_fiji(fiji)
        install_files(fiji, FIRST)
        install_files(fiji, SECOND)
        uninstall_fiji(fiji)
        assert contents(fiji) == before

    def test_changed_files_and_the_users_files_are_kept(self, fiji):
        before = contents(fiji)
        install_files(fiji, FIRST)
        (fiji / SCRIPT).write_text("changed")
        (fiji / "macros/epifiji/mine.ijm").write_text("mine")
        told = steps(uninstall_fiji(fiji))
        assert told[SCRIPT] == "changed"
        assert told["macros/epifiji"] == "in use"
        assert told[MODULE] == "removed"
        assert contents(fiji) == before | {
            "scripts/Plugins/EpiFiji": None,
            SCRIPT: b"changed",
            "macros/epifiji": None,
            "macros/epifiji/mine.ijm": b"mine",
        }

    def test_files_compiled_by_jython_are_removed_with_their_module(self, fiji):
        before = contents(fiji)
        install_files(fiji, FIRST)
        (fiji / "jars/Lib/epifiji_module$py.class").write_bytes(b"\xca\xfe\xba\xbe\x00\x00\x00\x34")
        assert steps(uninstall_fiji(fiji))["jars/Lib/epifiji_module$py.class"] == "removed"
        assert contents(fiji) == before

    def test_uninstalling_if_nothing_is_installed_is_refused(self, fiji):
        assert refused(uninstall_fiji, fiji).startswith(
            f"EpiFiji is not installed in {fiji} (there is no jars/epifiji/installed.json), so there is nothing to remove"
        )

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"unknown": 1}', "\udcff"])
    def test_a_broken_manifest(self, fiji, text):
        install_files(fiji, FIRST)
        (fiji / "jars/epifiji/installed.json").write_bytes(text.encode(errors="surrogateescape"))
        before = contents(fiji)
        assert "it lists what EpiFiji wrote into this Fiji" in refused(uninstall_fiji, fiji)
        assert contents(fiji) == before


@pytest.fixture
def unprivileged_fiji() -> Iterator[Path]:
    """Make a Fiji folder of an unprivileged user, and become that user if this process runs as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no Unix permissions")
    administrator = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = make_fiji(Path(name) / "Fiji")
        install_files(folder, FIRST)
        if administrator:
            for path in (Path(name), folder, *folder.rglob("*")):
                os.chown(path, 65534, 65534)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if administrator:
                os.seteuid(0)
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755)


class TestUndoing:
    @pytest.mark.parametrize(
        "place", ["macros", "macros/epifiji", "scripts/Plugins/EpiFiji", "jars/epifiji", "jars/Lib"]
    )
    def test_a_folder_without_write_permission(self, unprivileged_fiji, place):
        before = contents(unprivileged_fiji)
        (unprivileged_fiji / place).chmod(0o555)
        version = SECOND | {MODULE: b"ONE = 2\n"}
        assert "Permission denied), so everything was left as it was" in refused(
            install_files, unprivileged_fiji, version
        )
        assert contents(unprivileged_fiji) == before

    @pytest.mark.parametrize("place", ["macros/epifiji", "scripts/Plugins/EpiFiji", "jars/epifiji"])
    def test_uninstalling_from_a_folder_without_write_permission(self, unprivileged_fiji, place):
        before = contents(unprivileged_fiji)
        (unprivileged_fiji / place).chmod(0o555)
        assert "Permission denied), so everything was left as it was" in refused(uninstall_fiji, unprivileged_fiji)
        assert contents(unprivileged_fiji) == before

    def test_a_folder_without_read_permission(self, unprivileged_fiji):
        (unprivileged_fiji / "jars").chmod(0)
        for call in (install_fiji, uninstall_fiji):
            assert str(unprivileged_fiji) in refused(call, unprivileged_fiji)

    @pytest.mark.parametrize("earlier", [{}, FIRST], ids=["first installation", "update"])
    def test_a_file_that_does_not_fit_on_the_disk(self, fiji, earlier):
        if earlier:
            install_files(fiji, earlier)
        before = contents(fiji)
        resource = pytest.importorskip("resource")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
        try:
            message = refused(install_files, fiji, SECOND | {"macros/epifiji2/large.ijm": bytes(20_000)})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, former)
        assert "File too large), so everything was left as it was" in message
        assert contents(fiji) == before

    def test_an_installation_that_was_killed_is_completed_by_the_next_command(self, fiji):
        before = contents(fiji)
        install_files(fiji, FIRST)
        killed = (
            "import os, sys; from pathlib import Path; from epifiji.bridge.fiji.manifest import install_files\n"
            "rename = Path.rename\n"
            "def dying(old, new):\n"
            "    rename(old, new)\n"
            f"    if new == Path(sys.argv[1]) / {SCRIPT!r}: os.kill(os.getpid(), 9)\n"
            "Path.rename = dying\n"
            f"install_files(Path(sys.argv[1]), {SECOND!r})"
        )
        assert subprocess.run([sys.executable, "-c", killed, str(fiji)], check=False).returncode == -signal.SIGKILL
        assert (fiji / SCRIPT).read_bytes() == SECOND[SCRIPT]
        assert install_files(fiji, SECOND).unchanged
        assert not list(fiji.glob(".epifiji-*"))
        uninstall_fiji(fiji)
        assert contents(fiji) == before
