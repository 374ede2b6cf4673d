"""Prompts -> answers from a language model on this machine: instructions, find, ask, choose; local and server below."""
