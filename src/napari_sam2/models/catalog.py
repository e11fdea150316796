"""Which models exist, and where their weights are.

Nothing here touches the network or loads torch: choosing a model costs nothing
until it is built.
"""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_sam2.errors import (
    CheckpointError,
    NotDownloadedError,
    UnknownModelError,
)
from napari_sam2.models.checksum import cached_sha256, text_sha256
from napari_sam2.models.configs import config_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CATALOG",
    "HOME_VARIABLE",
    "ModelSpec",
    "get_model",
    "is_available",
    "model_name",
    "models_folder",
    "require_weights",
    "weights_path",
]

HOME_VARIABLE = "NAPARI_SAM2_HOME"
"""Environment variable that moves everything that the package stores."""

_SERVER = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"
_STARTER = Path(__file__).parent / "starter"


@dataclass(frozen=True)
class ModelSpec:
    """One model: its architecture, its weights, and where they come from.

    Attributes
    ----------
    name : str
        Short name, as users type it.
    title : str
        Name for choosers and messages.
    config : str or None
        Architecture: path of a YAML file with the key ``model``, or the name of
        a config that sam2 carries. None: to be recognized from the weights.
    weights : Path or None
        File with the weights; None for those that are downloaded into
        :func:`models_folder`.
    url : str or None
        Where the weights can be downloaded.
    size : int or None
        Size of the weights in bytes, where it is known beforehand.
    sha256 : str or None
        SHA-256 of the weights in hexadecimal, where it is known beforehand.
    license : str
        SPDX identifier of the license of the weights; empty if unknown.
    description : str
        One sentence that helps to choose.
    zoom : bool
        Whether a closer look at small objects has been shown to pay.
    second_look : bool
        Whether an object is shown to the model in two ways where time is left for a
        closer look, and the mean of both answers taken.
    clean : bool
        Whether its masks are tidied up: specks beside the object are taken away, and
        of several candidates those are preferred that have a clear outline.
    """

    name: str
    title: str
    config: str | None
    weights: Path | None = None
    url: str | None = None
    size: int | None = None
    sha256: str | None = None
    license: str = ""
    description: str = ""
    zoom: bool = False
    second_look: bool = False
    clean: bool = False

    @property
    def fingerprint(self) -> str:
        """Identifies what this model computes: a hash of weights and config.

        Files whose checksum is not known beforehand are read once, and again
        only after their size or time of change differ.

        Raises
        ------
        CheckpointError
            If the config cannot be read, or if the checksum is not known and the
            file cannot be read.
        """
        if self.sha256 is not None:
            weights = self.sha256
        else:
            require_weights(self)
            try:
                weights = cached_sha256(weights_path(self))
            except OSError as error:
                msg = f"The weights of {self.title} cannot be read: {error}"
                raise CheckpointError(msg) from error
        config = "recognized"
        if self.config is not None:
            path = config_file(self.config)
            try:
                config = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                msg = f"The config {path} cannot be read: {error}"
                raise CheckpointError(msg) from error
        return text_sha256(f"{weights}\n{config}")[:32]


def _official(
    name: str, title: str, size: int, sha256: str, file: str, config: str, text: str
) -> ModelSpec:
    return ModelSpec(
        name=name,
        title=title,
        config=f"configs/sam2.1/{config}.yaml",
        url=_SERVER + file,
        size=size,
        sha256=sha256,
        license="Apache-2.0",
        description=text,
    )


# Meta publishes no checksums: these are the ones on which several independent
# registries agree. (One public list gives the SAM 2.0 small hash, 95949964…,
# for 2.1 small.)
_MODELS = (
    ModelSpec(
        name="starter",
        title="Starter",
        config=str(_STARTER / "starter.yaml"),
        weights=_STARTER / "starter.safetensors",
        license="BSD-3-Clause",
        description="Comes with the plugin: small, fast without a GPU, offline.",
        zoom=True,
        second_look=True,
        clean=True,
    ),
    _official(
        "sam2.1-tiny",
        "SAM 2.1 tiny",
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        "sam2.1_hiera_tiny.pt",
        "sam2.1_hiera_t",
        "The smallest official model: seconds per image without a GPU.",
    ),
    _official(
        "sam2.1-small",
        "SAM 2.1 small",
        184_416_285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        "sam2.1_hiera_small.pt",
        "sam2.1_hiera_s",
        "Slightly better than tiny, and slightly slower.",
    ),
    _official(
        "sam2.1-base-plus",
        "SAM 2.1 base plus",
        323_606_802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        "sam2.1_hiera_base_plus.pt",
        "sam2.1_hiera_b+",
        "The middle way; a GPU is advisable.",
    ),
    _official(
        "sam2.1-large",
        "SAM 2.1 large",
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        "sam2.1_hiera_large.pt",
        "sam2.1_hiera_l",
        "The best official model; made for a GPU.",
    ),
)

CATALOG: Mapping[str, ModelSpec] = {spec.name: spec for spec in _MODELS}
"""The models that are known by name; the one that needs no download first."""


def model_name(fingerprint: str) -> str:
    """Return the name of the model that has a fingerprint.

    One that is not in :data:`CATALOG` keeps the fingerprint for a name.
    """
    return _names().get(fingerprint, fingerprint)


@cache
def _names() -> dict[str, str]:
    # A file whose checksum is not known beforehand may be missing.
    known = (one for one in CATALOG.values() if one.sha256 or is_available(one))
    return {spec.fingerprint: spec.name for spec in known}


_SUFFIXES = (".pt", ".pth", ".safetensors")


def get_model(
    model: str | Path | ModelSpec, config: str | Path | None = None
) -> ModelSpec:
    """Find a model by its name, or describe a user's own checkpoint.

    Parameters
    ----------
    model : str, Path or ModelSpec
        Name in :data:`CATALOG`, or path of a checkpoint (``.pt``, ``.pth`` or
        ``.safetensors``). A ModelSpec is returned as it is.
    config : str or Path, optional
        Architecture of a user's own checkpoint: path of a YAML file, a name in
        :data:`CATALOG`, or the name of one of sam2's configs
        (``"sam2.1_hiera_t"``). Without it, the official architectures and the
        starter's are recognized when the model is built.

    Raises
    ------
    UnknownModelError
        If there is no such model and no such file.
    CheckpointError
        If there is no such config.
    """
    if isinstance(model, ModelSpec):
        return model
    if isinstance(model, str) and model in CATALOG:
        if config is not None:
            msg = (
                f"The model {model!r} has its own config. Give `config` only "
                "together with the path of a checkpoint."
            )
            raise UnknownModelError(msg)
        return CATALOG[model]

    try:
        path = Path(model).expanduser()
        there = path.is_file()
    except (OSError, RuntimeError) as error:
        # Too long for a name, of a folder that is locked, or of no user's.
        raise UnknownModelError(f"{_no_such_model(model)} ({error})") from error
    if not there:
        raise UnknownModelError(_no_such_model(model))
    path = path.resolve()
    return ModelSpec(
        name=path.stem,
        title=path.name,
        config=None if config is None else _config_name(config),
        weights=path,
        description="Your own checkpoint.",
    )


def _config_name(config: str | Path) -> str:
    if isinstance(config, str) and config in CATALOG:
        known = CATALOG[config].config
        assert known is not None
        return known
    config = str(config)
    path = config_file(config)
    # A config of sam2 keeps its name, which outlives a move of site-packages.
    return str(path) if Path(config).expanduser().is_file() else config


def _no_such_model(model: str | Path) -> str:
    text = str(model)
    looks_like_path = (
        isinstance(model, Path)
        or text.lower().endswith(_SUFFIXES)
        or "/" in text
        or os.sep in text
    )
    if looks_like_path:
        with suppress(OSError, RuntimeError):
            if Path(text).expanduser().is_dir():
                return f"{text} is a folder. Give the path of a checkpoint file."
        return f"There is no checkpoint at {text}."
    close = difflib.get_close_matches(text.lower(), CATALOG, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    names = ", ".join(CATALOG)
    return (
        f"There is no model {text!r}.{hint} Choose one of {names}, or give the "
        "path of a checkpoint."
    )


def models_folder() -> Path:
    """Folder of the downloaded weights (it need not exist yet).

    ``$NAPARI_SAM2_HOME/models`` if that variable is set, otherwise in the
    user's cache folder.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / "models"
    return platformdirs.user_cache_path("napari-sam2", appauthor=False) / "models"


def weights_path(spec: ModelSpec) -> Path:
    """Path of the weights, whether or not they are there."""
    if spec.weights is not None:
        return spec.weights
    if spec.url is None:
        msg = f"{spec.title} has neither weights nor an address to get them from."
        raise UnknownModelError(msg)
    return models_folder() / spec.url.rpartition("/")[2]


def is_available(spec: ModelSpec) -> bool:
    """Whether the weights are on this machine, so that no download is needed.

    A downloaded file has been verified before it got its name; here only its
    size is compared.
    """
    path = weights_path(spec)
    try:
        size = path.stat().st_size
    except OSError:
        return False
    return spec.size is None or spec.size == size


def require_weights(spec: ModelSpec) -> None:
    """Say what to do if the weights are not here.

    Raises
    ------
    NotDownloadedError
        If they have to be downloaded first.
    CheckpointError
        If the file is missing or incomplete, and no first download helps.
    """
    if is_available(spec):
        return
    path = weights_path(spec)
    if spec.url is not None and not path.is_file():
        msg = (
            f"{spec.title} is not on this computer yet. Download it first: choose "
            f"it in the widget, or run `napari-sam2 models download {spec.name}`."
        )
        raise NotDownloadedError(msg)
    if spec.url is not None:
        msg = (
            f"{path} is not the file of {spec.title}: it should have {spec.size} "
            "bytes. Download the model again, which replaces it."
        )
    elif spec is CATALOG["starter"]:
        msg = (
            f"The starter model is missing from the installation ({path}). Install "
            "napari-sam2 again."
        )
    else:
        msg = f"There is no checkpoint at {path} any more."
    raise CheckpointError(msg)
