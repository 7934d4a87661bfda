"""The one write path into Salesforce: nightly run, hand-over, replay and review decisions all go through it."""
