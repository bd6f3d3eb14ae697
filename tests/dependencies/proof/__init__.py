"""Projects that are installed for real: what is captured is what they need, and they run from a fresh environment."""
