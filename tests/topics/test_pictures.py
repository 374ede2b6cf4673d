import io

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from helpers.topics import pictures


def table(n):
    return pd.DataFrame(
        {
            "topic": range(-1, n),
            "label": ["Unassigned", *(f"$\\broken{{ label {i} <b>" + "x" * (i % 90) for i in range(n))],
            "size": [7, *range(n, 0, -1)],
            "share": np.full(n + 1, 1 / (n + 1)),
            "keywords": [[f"word {i} {j}" for j in range(6)] for i in range(n + 1)],
            "keyword_scores": [[0.1] * 6 for _ in range(n + 1)],
        }
    )


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_pictures_are_drawn_for_any_number_of_topics_and_any_label(n, tmp_path):
    """Labels come from data: a dollar sign must not be read as a formula, which would raise."""
    if n:
        centroids = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
        save_file({"centroids": centroids}, tmp_path / "centroids.safetensors")
    topics = table(n)
    figures = [
        pictures.plot_sizes(topics),
        pictures.plot_words(topics),
        pictures.plot_hierarchy(topics, tmp_path),
        pictures.plot_similarity(topics, tmp_path),
    ]
    for figure in figures:
        out = io.BytesIO()
        figure.savefig(out, format="png")
        assert out.getvalue().startswith(b"\x89PNG")


def test_sizes_show_the_unassigned_rows_and_say_when_topics_are_left_out():
    axes = pictures.plot_sizes(table(40)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()][-1] == "Unassigned"
    assert "30 largest of 40" in axes.get_title(loc="left")
    assert [bar.get_width() for bar in axes.patches][:3] == [40, 39, 38]
