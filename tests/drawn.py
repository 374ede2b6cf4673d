"""What several tests of pictures ask of a figure."""

import io
import warnings


def drawn(figure):
    """Whether a figure becomes a picture, with all that is on it laid out."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("error", message=".*constrained_layout.*")
        figure.savefig(file, format="png", dpi=40)
    return len(file.getvalue()) > 1000
