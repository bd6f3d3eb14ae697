"""What a tuning came to, for people: a table, a plot as PNG, and a page."""
