"""Texts embedded before -> their vectors, from one SQLite file beside the runs, readable by its owner only.

Holds hashes of texts, never the texts. Which texts are embedded together is told in embed.py.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

TABLES = """
CREATE TABLE IF NOT EXISTS vectors (model BLOB, text BLOB, vector BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (run TEXT, model BLOB, text BLOB, PRIMARY KEY (run, model, text)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plans (plan BLOB PRIMARY KEY, run TEXT, reused BLOB) WITHOUT ROWID;
"""


class VectorCache:
    """Vectors by (model, text), both given as hashes."""

    def __init__(self, runs: Path) -> None:
        self.path = runs / ".cache" / "vectors.sqlite"

    def find(self, model: bytes, texts: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Return the vectors (float16) that are known, by text."""
        with closing(self._open()) as base, base:
            base.execute("CREATE TEMP TABLE wanted (text BLOB PRIMARY KEY) WITHOUT ROWID")
            base.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((text,) for text in texts))
            rows = base.execute("SELECT text, vector FROM vectors JOIN wanted USING (text) WHERE model = ?", (model,))
            return {text: np.frombuffer(vector, dtype=np.float16) for text, vector in rows}

    def reused(self, plan: bytes, *, run: str, found: np.ndarray) -> np.ndarray:
        """Return which texts of a plan were known when it began (n bools): found on the first call, then as then.

        A plan that was killed half-way must not take its own vectors for earlier ones: its batches would change.
        """
        with closing(self._open()) as base, base:
            base.execute("INSERT OR IGNORE INTO plans VALUES (?, ?, ?)", (plan, run, found.astype(bool).tobytes()))
            (mask,) = base.execute("SELECT reused FROM plans WHERE plan = ?", (plan,)).fetchone()
        return np.frombuffer(mask, dtype=bool)

    def add(self, model: bytes, pairs: Iterator[tuple[bytes, np.ndarray]], *, run: str) -> None:
        """Keep vectors (cast to float16) and note that run uses them, all or nothing."""
        pairs = list(pairs)
        with closing(self._open()) as base, base:
            base.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                ((model, text, vector.astype(np.float16).tobytes()) for text, vector in pairs),
            )
        self.use(model, [text for text, _ in pairs], run=run)

    def use(self, model: bytes, texts: Sequence[bytes], *, run: str) -> None:
        """Note that run uses these texts' vectors, so that forgetting another run leaves them."""
        with closing(self._open()) as base, base:
            base.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?, ?)", ((run, model, text) for text in texts))

    def forget(self, run: str) -> int:
        """Delete the vectors that no other run uses, and return how many those were."""
        if not self.path.exists():
            return 0
        with closing(self._open()) as base, base:
            base.execute("DELETE FROM plans WHERE run = ?", (run,))
            base.execute("DELETE FROM uses WHERE run = ?", (run,))
            gone = base.execute(
                "DELETE FROM vectors WHERE NOT EXISTS "
                "(SELECT 1 FROM uses WHERE uses.model = vectors.model AND uses.text = vectors.text)"
            ).rowcount
        with closing(self._open()) as base:
            base.execute("VACUUM")
        return gone

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        base = sqlite3.connect(self.path, timeout=60)
        os.chmod(self.path, 0o600)
        try:
            base.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            base.close()
            raise OSError(f"{self.path}: {error}; delete it: its vectors are made again when they are needed") from None
        return base
