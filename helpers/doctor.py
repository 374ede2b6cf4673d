"""This machine -> a list of checks: what will work here, and the command that mends what will not.

Asks no network.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from helpers.config import ROOT

GIGABYTE = 1e9
MOSTLY = 0.7  # share of English texts from which on an embedder made for English is in its place


@dataclass(frozen=True)
class Check:
    """One thing looked at. state: ok, warn (works, with less) or FAIL."""

    name: str
    state: str
    found: str
    mend: str = ""


def examine() -> list[Check]:
    """Return all checks, in the order in which one would mend them."""
    return [
        _python(),
        _memory(),
        _disk(),
        _torch(),
        _precision(),
        _quantization(),
        _packages(),
        _kernels(),
        *_models(),
        _labels(),
        _languages(),
        _cache(),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Check("python", "ok", found)


def _memory() -> Check:
    import psutil

    free, total = (size / GIGABYTE for size in (psutil.virtual_memory().available, psutil.virtual_memory().total))
    mend = "" if free > 6 else "close other programs, or take fewer rows: --set sample=3000"
    return Check("memory", "ok" if free > 6 else "warn", f"{free:.0f} GB free of {total:.0f} GB", mend)


def _disk() -> Check:
    free = shutil.disk_usage(ROOT).free / GIGABYTE
    mend = "" if free > 5 else "free some space: runs and models need a few GB (python -m helpers list shows runs)"
    return Check("disk", "ok" if free > 5 else "warn", f"{free:.0f} GB free", mend)


def _torch() -> Check:
    import torch

    if torch.cuda.is_available():
        free, total = (size / GIGABYTE for size in torch.cuda.mem_get_info())
        return Check("gpu", "ok", f"{torch.cuda.get_device_name()}, {free:.0f} GB free of {total:.0f} GB")
    if torch.backends.mps.is_available():
        return Check("gpu", "ok", "Apple GPU (mps)")
    found = f"none; torch {torch.__version__} works on the CPU"
    if shutil.which("nvidia-smi") and not torch.version.cuda:
        return Check(
            "gpu",
            "warn",
            f"an NVIDIA card, but torch {torch.__version__} is a CPU build",
            "choose the CUDA build on pytorch.org/get-started and run the pip command it shows in this environment",
        )
    return Check("gpu", "ok", found)


def _precision() -> Check:
    from helpers.models import computes_bf16

    native = computes_bf16()
    return Check("bf16 on CPU", "ok", "native, used for embedding" if native else "no gain; fp32 is used")


def _quantization() -> Check:
    """Quantize a small matrix for real: an import that works says little."""
    import torch

    from helpers.models import quiet_bitsandbytes

    quiet_bitsandbytes()
    try:
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        device = "cuda" if torch.cuda.is_available() else "cpu"
        matrix = torch.linspace(-1, 1, 64 * 64, device=device).reshape(64, 64)
        error = (dequantize_4bit(*quantize_4bit(matrix, quant_type="nf4")) - matrix).abs().mean().item()
    except Exception as problem:  # a broken driver, library or build can raise anything; all mean the same here
        return Check("bitsandbytes", "warn", f"{type(problem).__name__}: {problem}", "--set label.quantization=none")
    return Check("bitsandbytes", "ok", f"NF4 works on {device} (mean error {error:.3f})")


def _packages() -> Check:
    from importlib import metadata

    missing, wrong, pinned = _missing_packages(), [], 0
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+!-]+)", line):
            pinned += 1
            try:
                version = metadata.version(match[1]).split("+")[0]
            except metadata.PackageNotFoundError:
                continue
            if version != match[2]:
                wrong.append(f"{match[1]} {version} (tested: {match[2]})")
    mend = "python -m pip install -c constraints.txt -e ." if wrong or missing else ""
    if missing:
        return Check("packages", "FAIL", f"missing: {', '.join(missing)}", mend)
    return Check("packages", "warn" if wrong else "ok", "; ".join(wrong[:5]) or f"as tested ({pinned} pins)", mend)


def _missing_packages() -> list[str]:
    """Return what the kit needs and this environment lacks."""
    from importlib import metadata

    missing = []
    for need in metadata.requires("topic-map-kit") or []:
        name = re.match(r"[\w.-]+", need)[0]
        try:
            if "extra ==" not in need:
                metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def _kernels() -> Check:
    if importlib.util.find_spec("kernels"):
        return Check("kernels", "warn", "loads code from a hub at run time", "python -m pip uninstall kernels")
    return Check("kernels", "ok", "not installed, as it should be: it loads code from a hub")


def _models() -> list[Check]:
    from helpers.models import list_models

    here = [model for model in list_models() if model["here"]]
    return [
        Check(kind, "ok", ", ".join(names))
        if (names := [str(model["model"]) for model in here if model["kind"] == kind])
        else Check(kind, "FAIL", "no model on this machine", "python -m helpers models")
        for kind in ("embedder", "llm")
    ]


def _labels() -> Check:
    """Say which LLM `auto` takes here, and in which precision, as a run would say it."""
    from helpers.models import choose_quantization, find_model

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            choose_quantization(find_model("auto", kind="llm"))
    except FileNotFoundError as error:
        return Check("labels", "FAIL", str(error), "python -m helpers models")
    return Check("labels", "ok", "; ".join(said.getvalue().splitlines()))


def _languages(runs: Path | None = None) -> Check:
    """Say which runs read texts of other languages by an embedder that is made for English."""
    from helpers.files import read_value
    from helpers.models import ENGLISH
    from helpers.runs import RUNS
    from helpers.shown import percent

    found = []
    for path in sorted((runs or RUNS).glob("*/report.json")):
        with contextlib.suppress(ValueError, KeyError, AttributeError):  # of an earlier version, or cut off
            report = read_value(path)
            english = report["audit"]["language_shares"].get("en", 0)
            if report["embedding"].get("model") in ENGLISH and english < MOSTLY:
                found.append(f"{path.parent.name}: {percent(1 - english)} not English, {report['embedding']['model']}")
    mend = "--set embed.model=BAAI/bge-m3, or quality.encoder for scores alone" if found else ""
    told = "; ".join(found[:3]) or "no run reads other languages by an English embedder"
    return Check("languages", "warn" if found else "ok", told, mend)


def _cache() -> Check:
    from helpers.past_runs import folder_size
    from helpers.runs import RUNS

    return Check("runs", "ok", f"{folder_size(RUNS) / 1e6:.0f} MB in {RUNS}" if RUNS.exists() else "none yet")
