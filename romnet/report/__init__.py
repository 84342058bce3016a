"""One self-contained page that says what was asked, what was done and how good the answer is."""
