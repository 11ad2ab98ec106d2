"""Compares EpiFiji with the authors' package, dextrusion: wall time, CPU time, peak memory; see README.md.

    python benchmarks/against_dextrusion.py --network notum_all.zip [--movie MOVIE.tif] [--size 40x256x256] [--repeats
    3] python benchmarks/against_dextrusion.py --network notum_all.zip --memory [--size 20x2048x2048 --step-xy 40]

The programs run alternately as separate processes, including everything that a user waits for: start, detection, raw
maps, ROI zips.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

REPOSITORY = Path(__file__).resolve().parents[1]
PEER_SCRIPT = Path(__file__).with_name("peer_dextrusion.py")
PEER_ENVIRONMENT = REPOSITORY / "build" / "peer"
PEER_PACKAGES = (
    "dextrusion==0.0.20",
    "tensorflow==2.15.1",
    "numpy==1.26.4",
    "scipy==1.17.1",
    "scikit-image==0.26.0",
    "opencv-python==4.11.0.86",
)
PEER_PYTHON = "python3.11"
"""The only version on which both dextrusion 0.0.20 with TensorFlow 2.15 and EpiFiji run."""

SIZES = ("20x128x128", "40x256x256")
MEMORY_SIZES = {"20x2048x2048": 40, "400x256x256": 20}
"""Movie sizes for --memory, each with a step in space (px) with which it takes minutes.

The peak hardly depends on the step.
"""

MEMORY_LIMIT_MB = 1500
EPIFIJI, PEER = "EpiFiji", "dextrusion"
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Measurement:
    """Resources of a process: wall time (s), CPU time with its children's (s), peak memory (MB), classified windows."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    windows: int


def measure(command: Sequence[object]) -> tuple[float, float, float, str]:
    """Run a process and return wall s, CPU s, peak MB and its standard output.

    Its messages are shown only if it fails.
    """
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as messages:
        started = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=messages, env=quiet)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        if process.returncode:
            messages.seek(0)
            raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{messages.read()[-2000:]}")
        bytes_each = 1 if sys.platform == "darwin" else 1024
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * bytes_each / 1e6, output.read()


def run_epifiji(
    movie: Path, network: Path | str, out: Path, mode: str, step_xy: int, step_t: int, scale: Sequence[object] = ()
) -> Measurement:
    command = [sys.executable, "-c", "from epifiji.bridge.cli.main import main; main()", "detect", movie]
    command += ["--network", network, "--mode", mode, "--maps", "raw", "--out", out, "--overwrite"]
    command += ["--step-xy", step_xy, "--step-t", step_t, *scale]
    wall, cpu, peak, _ = measure(command)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return Measurement(wall, cpu, peak, record["windows"])


def run_peer(
    python: Path, movie: Path, members: list[str], out: Path, step_xy: int, step_t: int, scale: Sequence[object] = ()
) -> Measurement:
    command = [
        python,
        PEER_SCRIPT,
        "detect",
        movie,
        out,
        "--step-xy",
        step_xy,
        "--step-t",
        step_t,
        *scale,
        "--networks",
        *members,
    ]
    wall, cpu, peak, answer = measure(command)
    return Measurement(wall, cpu, peak, json.loads(answer.splitlines()[-1])["windows"])


def peer_python(given: Path | None) -> Path:
    """Return the Python of an environment that contains the package; make one if none is specified."""
    if given is not None:
        return given
    python = PEER_ENVIRONMENT / "bin" / "python"
    if not python.exists():
        base = shutil.which(PEER_PYTHON)
        if base is None:
            raise SystemExit(
                f"{PEER_PYTHON} is not on the PATH, but {PEER_PACKAGES[1]} needs it: install it, or give --peer-python."
            )
        print(f"installing {', '.join(PEER_PACKAGES)} into {PEER_ENVIRONMENT}")
        subprocess.run([base, "-m", "venv", str(PEER_ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
    return python


def peer_members(network: Path, python: Path, work: Path) -> list[str]:
    """Return the folders of the network's members in the package's format."""
    folder = network
    if network.is_file():
        folder = work / "network"
        with zipfile.ZipFile(network) as archive:
            archive.extractall(folder)
    described = next(folder.rglob("network.json"), None)
    if described is not None:
        _, _, _, answer = measure([python, PEER_SCRIPT, "build", described.parent, work / "members"])
        return json.loads(answer.splitlines()[-1])["networks"]
    members = sorted(str(config.parent) for config in folder.rglob("config.cfg"))
    if not members:
        raise SystemExit(
            f"{network} contains no network: give one in EpiFiji's format or the authors', as a folder or a zip."
        )
    return members


def frames_of_noise(shape: Shape) -> Iterator[np.ndarray]:
    """Yield frames of smooth noise that changes slowly."""
    random = np.random.default_rng(1)
    pixels = np.zeros(shape[1:], np.float32)
    for _ in range(shape[0]):
        fresh = ndimage.gaussian_filter(random.standard_normal(shape[1:], np.float32), 2.5)
        pixels = np.float32(0.8) * pixels + fresh / fresh.std()
        yield np.clip(128 + 30 * pixels, 0, 255).astype(np.uint8)


def frames_of_tiles(source: Path, shape: Shape) -> Iterator[np.ndarray]:
    """Yield the frames of a movie mirrored in space and in time until it has the shape."""
    movie = tifffile.imread(source)
    more = [max(0, new - old) for old, new in zip(movie.shape, shape, strict=True)]
    t, y, x = (
        np.pad(np.arange(old), (0, extra), "symmetric")[:new]
        for old, extra, new in zip(movie.shape, more, shape, strict=True)
    )
    for frame in t:
        yield movie[frame][y[:, None], x]


def write_movie(path: Path, shape: Shape, source: Path | None) -> Path:
    frames = frames_of_noise(shape) if source is None else frames_of_tiles(source, shape)
    dtype = np.uint8 if source is None else tifffile.TiffFile(source).pages[0].dtype
    tifffile.imwrite(path, frames, shape=shape, dtype=dtype, imagej=True, metadata={"axes": "TYX"})
    return path


def shape_of(size: str) -> Shape:
    t, y, x = map(int, size.split("x"))
    return t, y, x


def say_rows(rows: Sequence[Sequence[object]]) -> None:
    """Print a table with right-aligned columns; the first row contains the headers."""
    texts = [[f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)


def compare(arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """Run both programs alternately on each size, and print medians and ratios."""
    python = peer_python(arguments.peer_python)
    members = peer_members(arguments.network, python, work)
    steps = arguments.step_xy or 10, arguments.step_t
    scale = ["--cell-diameter", arguments.cell_diameter] if arguments.cell_diameter else []
    scale += ["--event-duration", arguments.event_duration] if arguments.event_duration else []
    found: dict[str, object] = {}
    for size in arguments.size or ([None] if arguments.movie else SIZES):
        movie = write_movie(work / f"{size}.tif", shape_of(size), arguments.movie) if size else arguments.movie
        title = size or arguments.movie.name
        ours = {f"{EPIFIJI}, {Path(one).stem}": one for one in arguments.ours or [arguments.network]}
        taken: dict[str, list[Measurement]] = {name: [] for name in (*ours, PEER)}
        for repeat in range(arguments.repeats):
            out = work / f"{title}_{repeat}"
            for name, network in ours.items():
                taken[name].append(run_epifiji(movie, network, out / name, arguments.mode, *steps, scale))
            taken[PEER].append(run_peer(python, movie, members, out / "peer", *steps, scale))
        say_comparison(title, taken, arguments)
        found[title] = {name: [asdict(one) for one in all_of_it] for name, all_of_it in taken.items()}
    return found


def say_comparison(title: str, taken: dict[str, list[Measurement]], arguments: argparse.Namespace) -> None:
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\n{title}, {arguments.mode} mode, medians of {arguments.repeats}, {load}")
    columns: dict[str, list[float]] = {}
    for name, all_of_it in taken.items():
        wall, cpu, peak, windows = (
            statistics.median(getattr(one, key) for one in all_of_it)
            for key in ("wall_s", "cpu_s", "peak_mb", "windows")
        )
        columns[name] = [wall, cpu, peak, windows]
    heads = ("wall s", "CPU s", "peak MB", "windows or places")
    rows = [[name, *(f"{v:.1f}" if v < 100 else f"{v:.0f}" for v in values)] for name, values in columns.items()]
    theirs = columns.pop(PEER)
    for name, values in columns.items():
        # Windows of the package and positions of EpiNet cannot be compared.
        ratios = [f"{their / our:.1f}" for our, their in zip(values[:3], theirs, strict=False)]
        rows.append([f"{PEER} / {name}", *ratios, ""])
    say_rows([["", *heads], *rows])


def memory(arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """Run only EpiFiji on large movies and print its peak memory."""
    rows: list[list[object]] = [["", "step px", "windows", "wall s", "peak MB", f"under {MEMORY_LIMIT_MB} MB"]]
    found: dict[str, object] = {}
    for size in arguments.size or MEMORY_SIZES:
        step_xy = arguments.step_xy or MEMORY_SIZES.get(size, 10)
        movie = write_movie(work / f"{size}.tif", shape_of(size), arguments.movie)
        network = (arguments.ours or [arguments.network])[0]
        taken = run_epifiji(movie, network, work / size, arguments.mode, step_xy, arguments.step_t)
        under = "yes" if taken.peak_mb < MEMORY_LIMIT_MB else "NO"
        rows.append([size, step_xy, taken.windows, round(taken.wall_s), round(taken.peak_mb), under])
        found[size] = asdict(taken) | {"step_xy": step_xy}
    print(f"\nEpiFiji's memory, {arguments.mode} mode")
    say_rows(rows)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--network", type=Path, required=True, help="a network's folder or zip, in EpiFiji's form or the authors'"
    )
    parser.add_argument(
        "--ours", action="append", help="the network for EpiFiji if it is another one, such as epinet; can be repeated"
    )
    parser.add_argument(
        "--movie", type=Path, help="a TIFF, used unchanged or mirrored to each --size; default: smooth noise"
    )
    parser.add_argument("--size", action="append", help=f"frames x height x width; default: {' and '.join(SIZES)}")
    parser.add_argument("--mode", choices=("fast", "exact", "compatible"), default="fast", help="EpiFiji's arithmetic")
    parser.add_argument("--step-xy", type=int, help="px between windows; default: 10")
    parser.add_argument("--step-t", type=int, default=2, help="frames between windows")
    parser.add_argument("--cell-diameter", type=float, help="px, for both programs; default: the network's own")
    parser.add_argument("--event-duration", type=float, help="frames, for both programs; default: the network's own")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each program")
    parser.add_argument(
        "--peer-python", type=Path, help=f"Python with dextrusion; default: {PEER_ENVIRONMENT.name}/ is made"
    )
    parser.add_argument(
        "--memory", action="store_true", help="measure EpiFiji's memory on large movies, without dextrusion"
    )
    parser.add_argument("--json", type=Path, help="write all measurements to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        found = (memory if arguments.memory else compare)(arguments, Path(temporary))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
