"""Near-duplicates of this kit against datatrove's example pipeline, and both against comparing all with all.

    python tests/benchmarks/dedup.py SOURCE ... [--count 100000] [--chars 700] [--python OTHER/bin/python]

Documents of so many characters are put together from lines of the sources; one of ten is another one with 1 to 8 words
changed. Both read them from the same JSON lines and write what they keep and drop. datatrove: signatures of
14 x 8 hashes, buckets, clusters, filter, with two workers. Its English words need spaCy, its reader orjson, and its
hashes an xxhash below 4: --python names an environment that has datatrove and these, where this one has not.

recall: of all pairs with a Jaccard similarity of 0.8 and more, the share of which one went. precision: of the documents
that went, the share that are so much like one that stayed. Both by this kit's words.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

THRESHOLD = 0.8
WORKERS = 2


def make_documents(sources: list[str], count: int, chars: int, folder: Path) -> list[str]:
    """Return documents, written to two files as well."""
    from helpers.text.load import load_rows
    from helpers.text.strings import convert_rows

    texts = pd.concat([convert_rows(load_rows(path=source)[0])[0]["text"] for source in sources])
    lines = sorted({line for text in texts for line in text.splitlines() if len(line) > 20})
    chance, made = random.Random(0), []
    while len(made) < count:
        if made and chance.random() < 0.1:
            words = chance.choice(made).split(" ")
            for place in chance.sample(range(len(words)), min(len(words), chance.randint(1, 8))):
                words[place] = chance.choice(lines).split(" ")[0]
            made.append(" ".join(words))
        else:
            text = ""
            while len(text) < chars:
                text += chance.choice(lines) + "\n"
            made.append(text[:chars])
    for part in range(WORKERS):
        numbers = range(part, count, WORKERS)
        told = (json.dumps({"id": str(number), "text": made[number]}) + "\n" for number in numbers)
        (folder / f"{part}.jsonl").write_text("".join(told))
    return made


def run_kit(folder: Path) -> tuple[list[int], str]:
    """Return the numbers of the documents that go, and what is to be said of it."""
    from helpers.clean.dedup import drop_near_duplicates, find_near_duplicates

    started = time.perf_counter()
    rows = pd.concat([pd.read_json(file, lines=True, dtype={"id": str}) for file in sorted(folder.glob("*.jsonl"))])
    copies, pairs = find_near_duplicates(rows, threshold=THRESHOLD)
    tables = dict(zip(["kept", "dropped"], drop_near_duplicates(rows, copies), strict=True))
    for name, table in (tables | {"pairs": pairs}).items():
        table.to_json(folder / f"{name}.json", orient="records", lines=True)
    took, memory = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return tables["dropped"]["id"].astype(int).tolist(), f"{took:.1f} s, {memory:.1f} GB at most (with the documents)"


def run_datatrove(folder: Path) -> None:
    """Do what datatrove's examples/minhash_deduplication.py does on a folder's documents, and print seconds a stage."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config, work = MinhashConfig(), f"{folder}/datatrove"
    reader = JsonlReader(str(folder), glob_pattern="*.jsonl")
    stages = {
        "signatures": ([reader, MinhashDedupSignature(f"{work}/signatures", config)], WORKERS),
        "buckets": ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], config.num_buckets),
        "clusters": ([MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)], 1),
        "filter": (
            [
                reader,
                MinhashDedupFilter(f"{work}/remove", exclusion_writer=JsonlWriter(f"{work}/dropped", compression=None)),
                JsonlWriter(f"{work}/kept", compression=None),
            ],
            WORKERS,
        ),
    }
    took = {}
    for name, (pipeline, tasks) in stages.items():
        started = time.perf_counter()
        LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=WORKERS, skip_completed=False).run()
        took[name] = time.perf_counter() - started
    print(json.dumps(took))


def ask_datatrove(folder: Path, python: str) -> tuple[list[int], str]:
    """Return the numbers of the documents that go, and what is to be said of it."""
    command = [python, __file__, "--datatrove", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise SystemExit(f"datatrove: {done.stderr[-2000:]}")
    took = json.loads(done.stdout.splitlines()[-1])
    lines = [line for file in (folder / "datatrove" / "dropped").glob("*") for line in file.read_text().splitlines()]
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items())
    return [int(json.loads(line)["id"]) for line in lines], f"{sum(took.values()):.1f} s ({told})"


def all_pairs(documents: list[str], least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return left, right and the Jaccard similarity of all pairs that have at least so much."""
    from helpers.clean.minhash import sign_texts

    signed = sign_texts(documents, threshold=THRESHOLD)
    columns = pd.factorize(signed.shingles)[0]
    sets = sparse.csr_matrix((np.ones(len(columns), dtype=np.int32), columns, signed.offsets))
    turned, sizes, found = sets.T.tocsr(), np.diff(signed.offsets), []
    for start in range(0, len(documents), 2_000):
        both = (sets[start : start + 2_000] @ turned).tocoo()
        left, right = both.row + start, both.col
        similarity = both.data / (sizes[left] + sizes[right] - both.data)
        good = (similarity >= least) & (left < right)
        found.append((left[good], right[good], similarity[good]))
    return tuple(np.concatenate(some) for some in zip(*found, strict=True))


def tell(name: str, gone: list[int], said: str, count: int, pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Print a line on what one of the two has done."""
    goes = np.zeros(count, dtype=bool)
    goes[gone] = True
    left, right, similarity = pairs
    alike = similarity >= THRESHOLD
    recall = (goes[left] | goes[right])[alike].mean()
    closest = np.zeros(count)
    for one, other in ((left, right), (right, left)):
        told = goes[one] & ~goes[other]
        np.maximum.at(closest, one[told], similarity[told])
    precision = (closest[goes] >= THRESHOLD).mean()
    print(f"{name:10s} {said}; {len(gone):,} dropped, recall {recall:.4f}, precision {precision:.4f}", flush=True)


def main() -> None:
    """Measure both on the same documents."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("sources", nargs="*")
    ask.add_argument("--count", type=int, default=100_000)
    ask.add_argument("--chars", type=int, default=700)
    ask.add_argument("--python", default=sys.executable)
    ask.add_argument("--datatrove", type=Path, help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.datatrove:
        run_datatrove(asked.datatrove)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = make_documents(asked.sources, asked.count, asked.chars, folder)
        found = {"this kit": run_kit(folder)}
        print(f"this kit: {found['this kit'][1]}", flush=True)
        found["datatrove"] = ask_datatrove(folder, asked.python)
        pairs = all_pairs(documents, 0.5)
        alike = pairs[2] >= THRESHOLD
        print(f"{asked.count:,} documents of {asked.chars} characters, {alike.sum():,} pairs of {THRESHOLD} and more")
        told = [json.loads(line) for line in (folder / "pairs.json").read_text().splitlines()]
        wanted = {frozenset(map(str, pair)) for pair in zip(pairs[0][alike], pairs[1][alike], strict=True)}
        ours = {frozenset([pair["id"], pair["other"]]) for pair in told}
        print(f"pairs: {len(ours & wanted) / len(wanted):.4f} of them found by this kit, {len(ours - wanted)} others")
        for who, (gone, said) in found.items():
            tell(who, gone, said, asked.count, pairs)


if __name__ == "__main__":
    main()
