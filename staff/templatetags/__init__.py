"""What templates may ask of the staff floor."""
