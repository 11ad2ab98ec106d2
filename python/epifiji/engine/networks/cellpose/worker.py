"""Computes with Cellpose what :mod:`epifiji.engine.networks.cellpose.process` asks for.

This file runs alone in a Python that has Cellpose 3, which need not have EpiFiji. Requests come on standard input and answers go
to standard output: the length of a JSON text (8 bytes), the text, and the arrays that it lists, one after the other. What
Cellpose prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any

import numpy as np

Arrays = dict[str, np.ndarray]


class Models:
    """The network whose weights came last, and the fields for its training."""

    def __init__(self) -> None:
        self.model: Any = None
        self.fields: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def weights(self, request: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Make the network of these arrays; `gpu` says whether to use a GPU if there is one."""
        import torch
        from cellpose.models import CellposeModel

        diameter = float(arrays["diam_mean"][0])
        if self.model is None:
            # MKL-DNN's form of a network can neither be trained nor get other weights.
            self.model = CellposeModel(
                gpu=bool(request["gpu"]), pretrained_model=False, diam_mean=diameter, mkldnn=False
            )
        found = self.model.net.load_state_dict(
            {name: torch.from_numpy(a.copy()) for name, a in arrays.items()}, strict=False
        )
        missing = [name for name in found.missing_keys if not name.endswith("num_batches_tracked")]
        if missing or found.unexpected_keys:
            raise ValueError(f"the arrays do not fit the network ({missing[:1]} {found.unexpected_keys[:1]})")
        self.model.diam_mean = diameter
        return {"device": str(self.model.device)}, {}

    def maps(self, request: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Predict the flows and the log-odds of a frame at the network's scale."""
        self.model.net.eval()
        _, flows, _ = self.model.eval(
            arrays["frame"],
            channels=[0, 0],
            diameter=self.model.diam_mean,
            augment=bool(request["flips"]),
            batch_size=int(request["batch"]),
            compute_masks=False,
        )
        return {}, {"maps": np.concatenate([flows[1].transpose(1, 2, 0), flows[2][..., None]], axis=-1)}

    def cells(self, request: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Follow the flows of maps to the cells."""
        import torch
        from cellpose.dynamics import resize_and_compute_masks

        maps = arrays["maps"]
        labels = resize_and_compute_masks(
            np.ascontiguousarray(maps[..., :2].transpose(2, 0, 1)),
            np.ascontiguousarray(maps[..., 2]),
            niter=float(request["steps"]),
            cellprob_threshold=float(request["threshold"]),
            min_size=int(request["least_px"]),
            device=self.model.device if self.model is not None else torch.device("cpu"),
        )
        return {}, {"labels": labels.astype(np.int32)}

    def field(self, request: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Keep a field for the training: normalise it as Cellpose does, and compute the flows of its cells."""
        import torch
        from cellpose.dynamics import labels_to_flows
        from cellpose.transforms import normalize_img

        pixels = normalize_img(arrays["pixels"][..., None], axis=-1)[..., 0]
        flows = labels_to_flows([arrays["labels"].astype(np.int32)], device=torch.device("cpu"))[0][1:]
        # The second channel is empty; the third is no channel of the network, but is drawn with the others.
        image = np.stack([pixels, np.zeros_like(pixels), arrays["known"]]).astype(np.float32)
        self.fields.setdefault(request["fields"], []).append((image, flows))
        return {}, {}

    def forget(self, request: dict[str, Any], _: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Forget fields."""
        self.fields.pop(request["fields"], None)
        return {}, {}

    def draw(self, request: dict[str, Any], _: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Draw tiles of fields, turned, flipped and rescaled at random as in Cellpose's training."""
        from cellpose.transforms import random_rotate_and_resize

        fields = [self.fields[request["fields"]][number] for number in request["numbers"]]
        side = int(request["side"])
        np.random.seed(int(request["seed"]))
        images, targets, _ = random_rotate_and_resize(
            [image for image, _ in fields],
            Y=[flows for _, flows in fields],
            scale_range=float(request["scales"]),
            xy=(side, side),
            do_flip=bool(request["flip"]),
            rotate=bool(request["rotation"]),
        )
        return {}, {"images": images[:, :2], "targets": targets, "counted": (images[:, 2] > 0.5).astype(np.float32)}

    def loss(self, request: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Return the loss of tiles, and if `learn` its gradients and the measured arrays of the normalisations."""
        import torch

        net, learn = self.model.net, bool(request["learn"])
        net.train(learn)
        with torch.set_grad_enabled(learn):
            images, targets, counted = (
                torch.from_numpy(arrays[name]).to(self.model.device) for name in ("images", "targets", "counted")
            )
            value = tile_loss(net(images)[0], targets, counted)
        if not learn:
            return {"loss": value.item()}, {}
        net.zero_grad()
        value.backward()
        found = {name: p.grad.cpu().numpy() for name, p in net.named_parameters() if p.grad is not None}
        measured = {
            name: b.cpu().numpy() for name, b in net.named_buffers() if not name.endswith("num_batches_tracked")
        }
        return {"loss": value.item()}, {**found, **measured}


def tile_loss(predicted: Any, targets: Any, counted: Any) -> Any:
    """Return Cellpose's loss where it is known what is there: half the squared error of flows, and the cross-entropy of cells."""
    import torch

    share = counted.sum().clamp(min=1)
    flows = ((predicted[:, :2] - 5 * targets[:, 1:]) ** 2).mean(axis=1)
    cells = torch.nn.functional.binary_cross_entropy_with_logits(
        predicted[:, 2], (targets[:, 0] > 0.5).float(), reduction="none"
    )
    return ((flows / 2 + cells) * counted).sum() / share


def send(stream: IO[bytes], entries: dict[str, Any], arrays: Arrays) -> None:
    """Write a JSON text and arrays."""
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    listed = [(name, values.dtype.str, values.shape) for name, values in arrays.items()]
    text = json.dumps({**entries, "arrays": listed}).encode()
    stream.write(struct.pack("<q", len(text)) + text)
    for values in arrays.values():
        stream.write(values.tobytes())
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], Arrays] | None:
    """Read a JSON text and arrays; None at the end."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    entries = json.loads(stream.read(struct.unpack("<q", head)[0]))
    arrays = {}
    for name, dtype, shape in entries.pop("arrays"):
        kind = np.dtype(dtype)
        data = stream.read(kind.itemsize * int(np.prod(shape, dtype=np.int64)))
        # Cellpose changes some of its inputs in place.
        arrays[name] = np.frombuffer(bytearray(data), kind).reshape(shape)
    return entries, arrays


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    models = Models()
    while (received := receive(sys.stdin.buffer)) is not None:
        request, arrays = received
        try:
            if request["do"] == "hello":
                from importlib.metadata import version

                import cellpose.models  # noqa: F401

                found: tuple[dict[str, Any], Arrays] = {"cellpose": version("cellpose"), "torch": version("torch")}, {}
            else:
                found = getattr(models, request["do"])(request, arrays)
        except Exception as problem:
            found = {"problem": f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}"}, {}
        send(answers, *found)


if __name__ == "__main__":
    main()
