"""New rows by the million -> topics of a saved map, and what the new rows are like beside those of the map."""
