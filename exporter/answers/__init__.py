"""The API's answers, parsed and checked: wire names and units end here."""
