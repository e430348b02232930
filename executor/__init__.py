"""What runs: effects around the decisions of `engine`. Only this package opens cursors and savepoints."""
