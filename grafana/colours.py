"""Colours of the panels, and what they mean.

Green, amber and red mean well, look at it and act, everywhere; blue is volume, grey is what to compare with.
"""

GREEN, AMBER, RED, DARK_RED = "green", "orange", "red", "semi-dark-red"
BLUE, DARK_BLUE, GREY, PURPLE, PLAIN = "blue", "dark-blue", "#8e8e99", "purple", "text"

STATUS_COLOURS = {"active": GREEN, "inactive": AMBER, "error": RED, "suspended": DARK_RED}
WARMUP_COLOURS = {"completed": GREEN, "in_progress": BLUE, "idle": AMBER, "not_started": GREY}
