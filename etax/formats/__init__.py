"""How days and times are written in each language, where it isn't Django's way (D30)."""
