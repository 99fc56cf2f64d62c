"""What the service says about itself: whose request it is, logs, health."""
