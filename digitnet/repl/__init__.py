"""Everything that talks to a person, or to the script a person wrote."""
