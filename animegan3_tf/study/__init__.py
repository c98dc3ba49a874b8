"""Studies with people: built, served and scored."""
