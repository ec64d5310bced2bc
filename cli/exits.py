"""What the command line is called, and its exit statuses."""

NAME = "lora-mixer"
DONE, FAILED, MISUSED = 0, 1, 2
