"""Carries requests to endpoints, over HTTP or through SageMaker's API, and their answers and errors back."""
