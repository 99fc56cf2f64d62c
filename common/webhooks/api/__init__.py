"""Webhooks as programs see them."""
