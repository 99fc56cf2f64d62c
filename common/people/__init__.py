"""Staff: their groups, sessions and second factor, and the trail of what anybody has changed."""
