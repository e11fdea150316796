"""The exports that this package's engines run, kept on disk for the next time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from napari_sam2.engines.exported import EXPORTER, read_export
from napari_sam2.errors import ExportError
from napari_sam2.models.catalog import CATALOG, models_folder, weights_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sam2.engines.cancellation import CancelToken
    from napari_sam2.engines.exported import Export
    from napari_sam2.models.catalog import ModelSpec

__all__ = [
    "engines_folder",
    "export_folder",
    "find_export",
    "locked",
    "make_export",
    "model_arguments",
    "run_aside",
]


def engines_folder() -> Path:
    """Folder of what was made from models for this machine; it need not exist yet."""
    return models_folder().parent / "engines"


def export_folder(spec: ModelSpec, precision: str = "fp32") -> Path:
    """Where the export of a model is, or will be."""
    return engines_folder() / f"{spec.fingerprint}-{precision}-v{EXPORTER}"


def find_export(spec: ModelSpec, precision: str = "fp32") -> Export | None:
    """Return the export of a model if there is one."""
    try:
        export = read_export(export_folder(spec, precision))
    except ExportError:
        return None
    return export if export.fingerprint == spec.fingerprint else None


def make_export(
    spec: ModelSpec, precision: str = "fp32", *, cancel: CancelToken | None = None
) -> Export:
    """Export a model, unless that was done before.

    A process of its own does the work, with a low priority: tracing a model takes ten
    seconds and more of Python, in which no window of this one would answer.

    Parameters
    ----------
    spec : ModelSpec
        Must be on this machine.
    precision : str
        See :class:`~napari_sam2.engines.exported.Export`.
    cancel : CancelToken, optional
        Ends the process; nothing stays behind.

    Raises
    ------
    ExportError
        If the model could not be exported.
    Cancelled
        If ``cancel`` was raised before the end.
    """
    export = find_export(spec, precision)
    if export is not None:
        return export
    folder = export_folder(spec, precision)
    # Two windows that are opened together need one export only.
    with locked(folder, cancel):
        export = find_export(spec, precision)
        if export is not None:
            return export
        for older in folder.parent.glob(f"{spec.fingerprint}-{precision}-v*"):
            shutil.rmtree(older, ignore_errors=True)
        options = ["--precision", precision, "--pixels", "float32"]
        try:
            run_aside(
                "export", *model_arguments(spec), str(folder), *options, cancel=cancel
            )
        finally:
            for unfinished in folder.parent.glob(f".{folder.name}-*"):
                shutil.rmtree(unfinished, ignore_errors=True)
        return read_export(folder)


@contextmanager
def locked(path: Path, cancel: CancelToken | None = None) -> Iterator[None]:
    """Keep other processes from making the same.

    Raises
    ------
    ExportError
        If the folder of the path cannot be written.
    Cancelled
        If ``cancel`` was raised while another process was at it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while not lock.is_locked:
            if cancel is not None:
                cancel.raise_if_cancelled()
            with suppress(Timeout):
                lock.acquire(timeout=0.2)
    except NotImplementedError:
        # A file system without locks: better unguarded than not at all.
        pass
    except OSError as error:
        raise ExportError(
            f"{path.parent} cannot be written ({error}). Set NAPARI_SAM2_HOME to a "
            "folder that can."
        ) from error
    try:
        yield
    finally:
        lock.release()


def model_arguments(spec: ModelSpec) -> list[str]:
    """Name a model on the command line."""
    if CATALOG.get(spec.name) == spec:
        return [spec.name]
    arguments = [str(weights_path(spec))]
    if spec.config is not None:
        arguments += ["--config", spec.config]
    return arguments


def run_aside(*arguments: str, cancel: CancelToken | None = None) -> None:
    """Run a command of this package in a process of its own, with a low priority.

    Raises
    ------
    ExportError
        With what the command said, if it failed.
    Cancelled
        If ``cancel`` was raised before the end.
    """
    import psutil

    process = subprocess.Popen(
        # -P: a file of the user's that is named as a module must not take its place.
        [sys.executable, "-P", "-m", "napari_sam2", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # No console flashes up beside the window.
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    with suppress(psutil.Error, OSError):
        low = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 10)
        psutil.Process(process.pid).nice(low)

    def end() -> None:
        # And whatever it runs aside in its turn.
        with suppress(psutil.Error, OSError):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
        process.terminate()

    forget = None if cancel is None else cancel.on_cancel(end)
    try:
        _, said = process.communicate()
    finally:
        if forget is not None:
            forget()
        if process.poll() is None:
            process.kill()
    if cancel is not None:
        cancel.raise_if_cancelled()
    if process.returncode != 0:
        raise ExportError(
            f"The model could not be exported: {_reason(said, process.returncode)}"
        )


def _reason(said: str, code: int) -> str:
    """Pick out what a failed command had to say."""
    bare = (re.sub(r"[─╭╮╰╯│]", "", line).strip() for line in said.splitlines())
    lines = [line for line in bare if line]
    if not lines:
        # Ended by the system, mostly for want of memory.
        return f"it ended without a word ({code}). There may be too little memory."
    if "Error" in lines:
        # In a box with this title, as typer has it.
        return " ".join(lines[lines.index("Error") + 1 :])
    ours = [line for line in lines if line.startswith("Error: ")]
    return (ours or lines)[-1].removeprefix("Error: ")
