"""What the back office's pages stand on: the admin site, lists, and forms that call operations."""
