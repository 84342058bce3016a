"""What stages will cost, and the jobs that a cluster is asked for."""
