"""The schema: what goes in and what comes out, derived from one sample of each."""
