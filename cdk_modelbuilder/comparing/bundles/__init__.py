"""Two bundles: what changes for the service that they are."""
