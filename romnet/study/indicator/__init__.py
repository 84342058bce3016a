"""What the errors of answers are, estimated and calibrated."""
