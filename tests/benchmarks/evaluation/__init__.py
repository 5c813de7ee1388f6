"""What the bounce rules do on simulated fleets: false pages, mails until a page, and the limit."""
