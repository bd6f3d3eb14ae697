"""What a tuning writes beside ``tuning.json``."""

JOURNAL_FILE = "journal.jsonl"
PLOT_FILE = "pareto.png"
PAGE_FILE = "pareto.html"
