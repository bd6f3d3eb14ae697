"""The local console: a page on the gateway that shows what runs and sends requests. See docs/local-console.md."""
