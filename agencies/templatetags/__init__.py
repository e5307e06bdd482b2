"""What templates may ask of the agencies floor."""
