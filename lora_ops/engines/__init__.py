"""What plays a mix: one room for each engine, and the protocol that they share (`engine.py`, plain data)."""
