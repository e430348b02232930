"""What an operation changes of its records: their rows before and after an attempt, compared, as `read()` would show them."""
