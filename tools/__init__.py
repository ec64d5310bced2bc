"""What run.py is made of: environments, what is installed into them, and the processes that run in them."""
