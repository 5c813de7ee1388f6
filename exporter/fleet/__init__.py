"""What is known now of every workspace; pure, but for the files of the state."""
