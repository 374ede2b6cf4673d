"""Topics become prompts, prompts become clean synthetic rows."""
