"""Our own page: LoRA Mixer on a bare machine, with a small chat around it."""
