"""Texts become vectors: embedder, embed, cache; own brings the user's."""
