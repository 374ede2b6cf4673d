"""Rows -> those that are kept, and those that are dropped with the rule that they do not fulfil."""
