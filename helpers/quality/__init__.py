"""Ratings of a sample -> a small head over a frozen encoder, and a score for every row."""
