"""Telling other systems over HTTP what happened: Standard Webhooks 1.0."""
