"""What a trial runs: a server on this machine, started, watched and ended."""
