"""A source becomes clean texts: load, strings, redact, audit, truncate; what could not be used is in reject."""
