"""What is learned: a Task makes Batches, scores them and names what is true at each time step."""
