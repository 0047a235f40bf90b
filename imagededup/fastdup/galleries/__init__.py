"""Pages that show what is in the tables of a work folder."""
