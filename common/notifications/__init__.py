"""E-mail to staff who want to hear of something: read from the feed, at most one mail an alert."""
