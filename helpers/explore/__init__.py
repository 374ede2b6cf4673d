"""What a finished map is asked: what is near a question, how topics change, what sources and runs differ in, a pick."""
