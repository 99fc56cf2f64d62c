"""What other systems ask of us by message, handled once each."""
