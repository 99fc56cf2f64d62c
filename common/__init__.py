"""What the catalogue and the inventory both stand on."""
