"""CartoCell's pipeline, from a configuration of BiaPy's form to the result tree."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

import epifiji
from command_line import one_sentence, run
from cyst_maps import probabilities
from epifiji.data.cartocell import IGNORED, THRESHOLDS, parse_config
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.settings.cysts import InstanceSettings
from epifiji.engine.volumes.cysts import grow_cells
from epifiji.files.networks.store import read_network, write_network
from small_cysts import SIDES, small_cyst, small_volume_network, write_cyst

VOLUMES = {"train": (0, 1), "val": (2,), "test": (3, 4)}


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in flat.items():
        place = found
        *path, last = key.split(".")
        for name in path:
            place = place.setdefault(name, {})
        place[last] = value
    return found


def entries(data: Path, **changed: Any) -> dict[str, Any]:
    """The keys that BiaPy's templates have, with small values."""
    return {
        "SYSTEM.NUM_CPUS": 1,
        "PROBLEM.TYPE": "INSTANCE_SEG",
        "PROBLEM.NDIM": "3D",
        "PROBLEM.INSTANCE_SEG.DATA_CHANNELS": "BCM",
        "PROBLEM.INSTANCE_SEG.DATA_MW_TH_BINARY_MASK": 0.2,
        "PROBLEM.INSTANCE_SEG.DATA_MW_TH_CONTOUR": 0.8,
        "PROBLEM.INSTANCE_SEG.DATA_MW_TH_FOREGROUND": 0.25,
        "PROBLEM.INSTANCE_SEG.DATA_REMOVE_SMALL_OBJ": 5,
        "PROBLEM.INSTANCE_SEG.DATA_REMOVE_BEFORE_MW": True,
        "DATA.REFLECT_TO_COMPLETE_SHAPE": True,
        "DATA.PATCH_SIZE": "(8, 16, 16, 1)",
        "DATA.TRAIN.PATH": str(data / "train" / "x"),
        "DATA.TRAIN.GT_PATH": str(data / "train" / "y"),
        "DATA.VAL.FROM_TRAIN": False,
        "DATA.VAL.PATH": str(data / "val" / "x"),
        "DATA.VAL.GT_PATH": str(data / "val" / "y"),
        "DATA.TEST.PATH": str(data / "test" / "x"),
        "DATA.TEST.MASK_PATH": str(data / "test" / "y"),
        "DATA.TEST.PADDING": "(4,4,4)",
        "AUGMENTOR.ENABLE": True,
        "AUGMENTOR.RANDOM_ROT": False,
        "AUGMENTOR.VFLIP": True,
        "AUGMENTOR.ELASTIC": True,
        "AUGMENTOR.BRIGHTNESS": True,
        "AUGMENTOR.BRIGHTNESS_FACTOR": "(0.1, 0.15)",
        "MODEL.ARCHITECTURE": "resunet",
        "MODEL.FEATURE_MAPS": [4, 6],
        "MODEL.DROPOUT_VALUES": [0.1, 0.1],
        "MODEL.Z_DOWN": 1,
        "MODEL.LOAD_CHECKPOINT": False,
        "TRAIN.OPTIMIZER": "ADAM",
        "TRAIN.LR": "1.E-2",
        "TRAIN.BATCH_SIZE": 2,
        "TRAIN.EPOCHS": 10,
        "TEST.STATS.PER_PATCH": True,
        "TEST.POST_PROCESSING.VORONOI_ON_MASK": True,
    } | changed


def write_config(place: Path, data: Path, **changed: Any) -> Path:
    kept = {key: value for key, value in entries(data, **changed).items() if value is not None}
    place.write_text(yaml.safe_dump(nested(kept)), encoding="utf-8")
    return place


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / f"user {name.lower()}"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for part, seeds in VOLUMES.items():
        for seed in seeds:
            write_cyst(folder / part / "x", seed, folder / part / "y")
    for seed in (5, 6):
        write_cyst(folder / "undrawn", seed, folder / "hidden")
    return folder


def test_the_whole_pipeline_writes_the_tree_of_the_tutorial_and_continues_at_each_phase(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = {"PROBLEM.INSTANCE_SEG.DATA_MW_TH_TYPE": "auto"}
    config = write_config(tmp_path / "cartocell_training.yaml", data, **changed)
    settings = {"out": tmp_path / "exp_results"}
    said: list[str] = []

    def stop_in_phase_4(done: float, doing: str) -> None:
        said.append(doing)
        if doing.startswith("phase 4: learning, step 5 "):
            raise CancelledError

    with pytest.raises(CancelledError):
        epifiji.cartocell("run", config, data / "undrawn", report=stop_in_phase_4, **settings)
    arguments = ["cartocell", "run", str(config), str(data / "undrawn"), "--out", str(settings["out"]), "--json"]
    code, printed, _ = run(arguments, monkeypatch, capsys)
    assert code == 0
    answer = json.loads(printed)
    job = tmp_path / "exp_results" / "cartocell"
    assert answer["folder"] == str(job)
    first, second = (job / "checkpoints" / f"model_weights_cartocell_{run}" for run in (1, 2))
    assert answer["networks"] == [str(first), str(second)]
    assert any("cartocell_1 was trained before and is used again" in notice for notice in answer["notices"])
    assert any("continued from step 5" in notice for notice in answer["notices"])
    files = {str(path.relative_to(job)) for path in job.rglob("*") if path.is_file()}
    volumes = {1: ("cyst_5", "cyst_6"), 2: ("cyst_3", "cyst_4")}
    expected = set()
    for number, names in volumes.items():
        expected |= {f"config_files/cartocell_training_{number}.yaml", f"config_files/origins_{number}.json"}
        results = f"results/cartocell_{number}"
        expected |= {f"{results}/aug/sample_{n}.tif" for n in range(1, 5)} | {
            f"{results}/charts/cartocell_{number}_loss.png"
        }
        for name in names:
            expected |= {f"{results}/{part}/{name}.tif" for part in ("per_image", "per_image_instances")}
            expected.add(f"{results}/per_image_post_processing/{name}.tif")
            steps = ("seed_map", "foreground", "watershed")
            expected |= {f"{results}/watershed/{name}_{step}.tif" for step in steps}
    assert expected <= files
    others = files - expected
    assert {Path(one).parts[0] for one in others} == {"checkpoints", "results"}
    assert all("/evaluation/" in one or one.startswith("checkpoints/") or "ap_over_iou" in one for one in others)
    with tifffile.TiffFile(job / "results/cartocell_2/per_image/cyst_3.tif") as tif:
        assert (tif.series[0].axes, tif.series[0].shape) == ("ZCYX", (SIDES[0], 3, *SIDES[1:]))
    check_second_network(data, job, first, second)
    check_scores(job / "results/cartocell_2", answer)
    again = epifiji.cartocell("run", config, data / "undrawn", **settings)
    assert again.cells == answer["cells"]
    assert sum("was trained before" in notice for notice in again.notices) == 2
    check_changes_are_noticed(config, data, job)


def check_second_network(data: Path, job: Path, first: Path, second: Path) -> None:
    """M2 began with M1, learnt from undrawn volumes as M1 predicted them and from the drawn ones, and was validated like M1."""
    m1, m2 = (json.loads((network / "training.json").read_text()) for network in (first, second))
    labels = job / "results/cartocell_1/per_image_post_processing"
    files = [labels / "cyst_5.tif", labels / "cyst_6.tif", *(data / "train" / "y" / f"cyst_{n}.tif" for n in (0, 1))]
    assert [one["cells_file"] for one in m2["volumes"][:-1]] == [str(file) for file in files]
    assert m1["held_out_volumes"] == m2["held_out_volumes"] == ["cyst_2"]
    assert m2["parent"]["sha256"] == read_network(first).sha256


def test_drawn_cysts_that_validate_the_first_network_validate_the_second_one(data: Path, tmp_path: Path) -> None:
    changed = {"DATA.VAL.FROM_TRAIN": True, "PROBLEM.INSTANCE_SEG.DATA_MW_TH_TYPE": "auto"}
    config = write_config(tmp_path / "cartocell_training.yaml", data, **changed)
    found = epifiji.cartocell("run", config, data / "undrawn", out=tmp_path, steps=20)
    m1, m2 = (json.loads((network / "training.json").read_text()) for network in found.networks)
    (held_out,) = m1["held_out_volumes"]
    (learnt_from,) = {"cyst_0", "cyst_1"} - {held_out}
    assert m2["held_out_volumes"] == [held_out]
    assert [one["name"] for one in m2["volumes"][-2:]] == [learnt_from, held_out]
    assert not any("too high" in notice for notice in found.notices)


def check_changes_are_noticed(config: Path, data: Path, job: Path) -> None:
    """Files of the same names with other content are refused before anything is trained, predicted or replaced."""
    settings = {"undrawn": data / "undrawn", "out": job.parent}
    before = {path: path.read_bytes() for path in job.rglob("*") if path.is_file()}
    network, cells = (
        "model_weights_cartocell_1 was made of other data",
        r"cyst_5\.tif was made of other data",
    )
    for place, words in (
        (data / "undrawn" / "cyst_5.tif", rf"{cells} than those given now \(different: volume\)"),
        (data / "train" / "x" / "cyst_0.tif", rf"{network} than those given now \(different: DATA\.TRAIN\)"),
        (data / "train" / "y" / "cyst_1.tif", rf"{network} .*different: DATA\.TRAIN\)"),
        (data / "val" / "y" / "cyst_2.tif", rf"{network} .*different: DATA\.VAL\)"),
    ):
        content = place.read_bytes()
        tifffile.memmap(place)[0, 0, 0] ^= 1
        with pytest.raises(WrongInputError, match=words):
            epifiji.cartocell("run", config, **settings)
        place.write_bytes(content)
    with pytest.raises(WrongInputError, match=rf"{network} .*different: settings\)"):
        epifiji.cartocell("run", config, seed=2, **settings)
    assert {path: path.read_bytes() for path in job.rglob("*") if path.is_file()} == before


def check_scores(results: Path, answer: dict[str, Any]) -> None:
    """The table of scores has those of the predicted labels."""
    with (results / "evaluation" / "cell_comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["cyst_3", "cyst_4"]
    for seed in (3, 4):
        labels = tifffile.imread(results / "per_image_post_processing" / f"cyst_{seed}.tif").astype(int)
        assert answer["cells"][f"cyst_{seed}"] == len(np.unique(labels[labels > 0]))
        scores = epifiji.compare_volumes(labels, small_cyst(seed)[1])
        row = rows[f"cyst_{seed}"]
        assert float(row["ap_0.5"]) == pytest.approx(scores.matches[0.5].ap, abs=1e-4)
        assert float(row["rand_index"]) == pytest.approx(scores.rand_index, abs=1e-4)


def test_predicting_with_a_network_of_ones_own(data: Path, tmp_path: Path) -> None:
    network = write_network(small_volume_network(), tmp_path / "tiny")
    changed = {"DATA.TEST.MASK_PATH": None, "TEST.POST_PROCESSING.VORONOI_ON_MASK": False}
    config = write_config(
        tmp_path / "cartocell_inference.yaml", data, **{"PATHS.CHECKPOINT_FILE": str(network)}, **changed
    )
    found = epifiji.cartocell("predict", config, out=tmp_path, name="job", run_id=7)
    assert found.scores is None
    results = tmp_path / "job" / "results" / "job_7"
    assert {path.name for path in results.iterdir()} == {"per_image", "per_image_instances", "watershed"}
    with pytest.raises(WrongInputError, match="differs from .*, so results of two configurations would mix"):
        other = write_config(config, data, **{"PATHS.CHECKPOINT_FILE": str(network)})
        epifiji.cartocell("predict", other, out=tmp_path, name="job", run_id=7)


def test_what_would_be_lost_in_a_folder_or_a_file_is_refused_or_said(data: Path, tmp_path: Path) -> None:
    network = write_network(small_volume_network(), tmp_path / "tiny")
    folder, truth = tmp_path / "x", tmp_path / "y"
    for place in (folder, truth):
        place.mkdir()
    volume, labels = small_cyst(0)
    tifffile.imwrite(folder / "a.tif", np.asarray(volume), imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(truth / "a.tif", labels.astype(np.uint16))
    places = {"DATA.TEST.PATH": str(folder), "DATA.TEST.MASK_PATH": str(truth), "PATHS.CHECKPOINT_FILE": str(network)}
    config = write_config(tmp_path / "c.yaml", data, **places)
    said = " ".join(epifiji.cartocell("predict", config, out=tmp_path).notices)
    assert "has 14 time points and one plane (Z): they were taken as planes." in said
    tifffile.imwrite(truth / "a_labels.tif", labels.astype(np.uint16))
    with pytest.raises(WrongInputError, match=r"a\.tif and .*a_labels\.tif both belong to the volume a, but one file"):
        epifiji.cartocell("predict", config, out=tmp_path)
    tifffile.imwrite(folder / "a.tiff", np.asarray(volume))
    with pytest.raises(WrongInputError, match=r"a\.tif and .*a\.tiff both belong to the volume a, but one file"):
        epifiji.cartocell("predict", config, out=tmp_path)
    config.write_text("DATA:\n  TEST:\n    PATH: a\n    GT_PATH: c\n    PATH: b\n", encoding="utf-8")
    with pytest.raises(WrongInputError, match=r"c\.yaml has PATH twice in one section, again in line 5: keep one"):
        epifiji.cartocell("predict", config, out=tmp_path)


class TestConfigurations:
    """What keys mean."""

    def parsed(self, **changed: Any):
        return parse_config(nested({k: v for k, v in entries(Path("d"), **changed).items() if v is not None}), "c.yaml")

    def test_keys_of_the_templates(self):
        config = self.parsed()
        assert (config.features, config.z_steps) == ((4, 6), (1,))
        assert config.instances == {
            "foreground_threshold": 0.2,
            "contour_threshold": 0.8,
            "growth_threshold": 0.25,
            "least_seed_voxels": 5,
            "mask_erosion_voxels": 0,
        }
        assert set(config.without) == {"zoom", "blur", "noise", "rotation"}
        known = config.training(7)
        assert (known["steps"], known["rate"], known["patch"]) == (35, 0.01, (8, 16, 16))
        assert "SYSTEM.NUM_CPUS" in config.ignored
        assert set(config.ignored) <= set(IGNORED)

    def test_thresholds_separate_the_cells_that_biapy_does(self):
        """BiaPy's own watershed made the reference, with these as thresholds of seeds, of contours and of growth."""
        under = "PROBLEM.INSTANCE_SEG.DATA_"
        values = dict(zip(THRESHOLDS, (0.6, 0.15, 0.4), strict=True))
        config = self.parsed(**values, **{f"{under}MW_TH_TYPE": "manual", f"{under}REMOVE_BEFORE_MW": False})
        stored = np.load(Path(__file__).parents[2] / "reference_files" / "biapy" / "results.npz")
        for cyst in ("0", "1"):
            maps = np.stack(probabilities(stored[f"maps/{cyst}"]))
            grown = grow_cells(maps, InstanceSettings(**config.instances))
            assert np.array_equal(grown.labels, stored[f"cells/{cyst}/strict"])

    def test_thresholds_without_an_effect_are_listed_and_missing_ones_are_needed(self):
        kind = "PROBLEM.INSTANCE_SEG.DATA_MW_TH_TYPE"
        automatic = self.parsed(**{kind: "auto"})
        assert set(automatic.ignored) >= set(THRESHOLDS)
        assert set(automatic.instances) == {"least_seed_voxels", "mask_erosion_voxels"}
        with pytest.raises(
            WrongInputError, match=r"has no PROBLEM\.INSTANCE_SEG\.DATA_MW_TH_CONTOUR, but it is needed"
        ):
            self.parsed(**{kind: "manual", "PROBLEM.INSTANCE_SEG.DATA_MW_TH_CONTOUR": None})

    def test_newer_forms(self):
        newer = {
            "PROBLEM.INSTANCE_SEG.DATA_MW_TH_TYPE": "auto",
            "PROBLEM.INSTANCE_SEG.DATA_CHANNELS": ["B", "C", "M"],
            "MODEL.FEATURE_MAPS": [52, 68, 84],
            "MODEL.DROPOUT_VALUES": [0.1, 0.1, 0.1],
            "MODEL.Z_DOWN": [1, 1],
            "AUGMENTOR.ENABLE": False,
            "TRAIN.LR_SCHEDULER.NAME": "onecycle",
            "LOSS.CLASS_REBALANCE": True,
            "TEST.POST_PROCESSING.CLEAR_BORDER": False,
        }
        config = self.parsed(**newer)
        assert config.z_steps == (1, 1)
        assert config.instances == {"least_seed_voxels": 5, "mask_erosion_voxels": 0}
        assert {"flip", "elastic", "brightness"} < set(config.without)

    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            (
                "MODEL.FEATURE_MAP",
                [4, 6],
                "has the key MODEL.FEATURE_MAP, which EpiFiji does not know: it may be MODEL.FEATURE_MAPS",
            ),
            ("AUGMENTOR.DA_PROB", 0.5, r"has the key AUGMENTOR\.DA_PROB, which EpiFiji does not know: leave it out\."),
            ("TRAIN.EPOCH", 5, r"does not know: it may be TRAIN\.EPOCHS\."),
            ("TRIAN.LR", 1, r"does not know: it may be TRAIN\.LR\."),
            ("PROBLEM.NDIM", "2D", "PROBLEM.NDIM in c.yaml is '2D', but it must be 3D"),
            ("MODEL.ARCHITECTURE", "unetr", "MODEL.ARCHITECTURE in c.yaml is 'unetr', but it must be resunet"),
            ("DATA.PATCH_SIZE", "(8, 8)", r"DATA.PATCH_SIZE in c.yaml is \[8.0, 8.0\], but it must be three sides"),
            ("MODEL.Z_DOWN", [1, 1, 2], "MODEL.Z_DOWN in c.yaml"),
            ("TRAIN.LR", "fast", "TRAIN.LR in c.yaml is 'fast', but it must be a number"),
            ("TEST.POST_PROCESSING.CLEAR_BORDER", True, "CLEAR_BORDER in c.yaml is True, but it must be False"),
        ],
    )
    def test_wrong_ones_are_refused_by_name(self, key: str, value: Any, words: str):
        with pytest.raises(WrongInputError, match=words):
            self.parsed(**{key: value})


class TestRefused:
    def test_one_sentence_each(self, data, tmp_path, monkeypatch, capsys):
        def config(name: str, **changed: Any) -> str:
            return str(write_config(tmp_path / f"{name}.yaml", data, **changed))

        (tmp_path / "list.yaml").write_text("- 1\n")
        (tmp_path / "broken.yaml").write_text("a: [")
        only = {"DATA.TRAIN.PATH": str(data / "val" / "x"), "DATA.TRAIN.GT_PATH": str(data / "val" / "y")}
        for arguments, words in (
            (["train", config("typo", **{"TRIAN.LR": 1})], "has the key TRIAN.LR, which EpiFiji does not know"),
            (["train", str(tmp_path / "list.yaml")], "list.yaml has no entries"),
            (["train", str(tmp_path / "broken.yaml")], "broken.yaml is no YAML file"),
            (["train", str(tmp_path / "none.yaml")], "none.yaml"),
            (
                ["train", config("place", **{"DATA.TRAIN.PATH": "nowhere/x"})],
                "DATA.TRAIN.PATH in place.yaml is",
            ),
            (["train", config("one", **only, **{"DATA.VAL.FROM_TRAIN": True})], "1 volume with labels was found"),
            (["predict", config("bare")], "has no PATHS.CHECKPOINT_FILE"),
            (
                ["predict", config("h5", **{"PATHS.CHECKPOINT_FILE": "a.h5"})],
                "weights of BiaPy, which EpiFiji does not read",
            ),
            (["run", config("nowhere"), str(tmp_path / "nothing")], "nothing"),
        ):
            code, printed, said = run(["cartocell", *arguments, "--out", str(tmp_path / "out")], monkeypatch, capsys)
            assert (code, printed) == (2, ""), arguments
            assert words in one_sentence(said)
            assert not list((tmp_path / "out").rglob("*.tif"))
        with pytest.raises(WrongInputError, match="undrawn, the folder of volumes without labels, belongs to run"):
            epifiji.cartocell("train", tmp_path / "bare.yaml", data / "undrawn")
