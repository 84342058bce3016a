"""Whether the stresses of results balance the loads of a study."""
