"""The networks that DeXtrusion's authors trained, identified by hashes: names, folders and cards are not reliable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

AUTHORS_SHA256 = {
    "notum_all": "774818cf4ffc8bdbb9ad143572f08cefb932cd89422463832850cc2e8b12186a",
    "notum_ExtSOPDiv": "0755490748d7334058539229cd532922e7655ae774b255881e7273b121f45d30",
    "notum_ExtSOP": "c22414ada113a092dde972ca19dc0e1b5ea1369d7578293869218677acab8162",
    "notum_Ext": "9e4666c9b54b362d64081a890c22831e857c922eb6bbf34f9d1dc921342dee92",
}
"""The zips in the authors' repository."""

_THREE = ("cell_death", "cell_sop", "cell_division")
_TWO = ("cell_death", "cell_sop")
_MEMBERS = {
    "96a06505aa0a1f043495b3a26de003aba918e2a1f8b993e70e33ca68a988d647": _TWO,
    "ba57edab1529b301af7686f1709fe6c61d18bf6d7c803e9354339717636395de": _TWO,
    "b1dfb56be257a0e5589eba93acfef3d8ff613fc57a2a3d900f4ddccc5143888a": _THREE,
    "3c8e3af5e725cc1bebafece782b00886088cf037e4d0710c93104887a5037bb4": _THREE,
    "02188a8356d25adbe6bd0aadea5c689ac99f35b68872e32c9416842df0109c30": _THREE,
    "b951567a5242f0c4d82eb33c4eef9b92306ba1f4fd87708eb211919d94aca0b1": _THREE,
}
"""The events of each member by the SHA-256 of its checkpoint: index and data concatenated."""

_WEIGHTS = {
    "4d1ca0a823ea786fe3de7c88ee5ea17addc4656b1ae837f4574952a28c41401a": _TWO,
    "45bdf7281c77a31d1e450ddc3053351463029e6371c683e438a1c1bf1bfe4f03": _TWO,
    "777b3ba6a3adeb1bec2b1d4851d9aaa87ca22f10d46240ccc2b567c1cbc3c8c2": _THREE,
    "85e9ba8579e4f2380479da17ba9a16dd4c5f3f6fc2506d6d3aaf366ab43038bf": _THREE,
    "7082d21fd6229ab869f5c7a8e5cd5ccc247ad35e71c40665c895307a07c59abe": _THREE,
    "4e5b9d786c095f79256f2886a28354e100bd1c3f53809fc33107bcccdca29d9f": _THREE,
}
"""The same by :func:`epifiji.files.networks.store.weights_sha256`, which does not depend on the form of storage."""

LARGEST_CHECKPOINT_BYTES = 10_000_000
"""The authors' checkpoints have a megabyte; larger ones are not theirs."""

AUTHORS = "Trained by the authors of DeXtrusion (Villars, Letort et al., Development 150, dev201747, 2023); BSD-3."
UNKNOWN = (
    "A network in DeXtrusion's form that is not one of those that its authors published: it is unknown who trained "
    "it, on what, and under which licence."
)


def provenance_of_zip(path: Path) -> str | None:
    """Return the provenance of a zip, by its hash; None if it is not one of the authors'."""
    with path.open("rb") as file:
        known = hashlib.file_digest(file, "sha256").hexdigest() in AUTHORS_SHA256.values()
    return AUTHORS if known else None


def provenance_of_checkpoints(members: Iterable[tuple[Path, Path]], events: tuple[str, ...]) -> str:
    """Return the provenance of members, by the index and data of each one's checkpoint."""
    hashes = []
    for files in members:
        digest = hashlib.sha256()
        for part in files:
            if part.is_file() and part.stat().st_size <= LARGEST_CHECKPOINT_BYTES:
                digest.update(part.read_bytes())
        hashes.append(digest.hexdigest())
    return _provenance(hashes, _MEMBERS, events)


def provenance_of_weights(hashes: Iterable[str], events: tuple[str, ...]) -> str:
    """Return the provenance of members, by the hash of each one's weights."""
    return _provenance(hashes, _WEIGHTS, events)


def _provenance(hashes: Iterable[str], known: dict[str, tuple[str, ...]], events: tuple[str, ...]) -> str:
    return AUTHORS if all(known.get(one) == events for one in hashes) else UNKNOWN
