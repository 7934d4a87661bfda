"""One module per kind of value: what a cell says, cleaned, or nothing. Which cell of a row is meant is `extraction`."""
