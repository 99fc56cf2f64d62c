"""An app that is only migrations: what a next release might add to the busiest tables."""
