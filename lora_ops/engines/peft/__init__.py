"""A PEFT model in this process: what knows its layers, and torch's and transformers' way of generating."""
