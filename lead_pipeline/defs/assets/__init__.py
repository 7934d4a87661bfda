"""The asset graph of the nightly batch, one module per stage of a lead's way. Each asset calls one service."""
