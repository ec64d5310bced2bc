"""What LoRA Mixer costs, measured on this machine: `python3 run.py bench`.

One file a measurement (`applying`, `finding`, `page`, `starting`, `generating`, `columns`), each with a function that
returns a `report.Section`; `__main__` runs them and keeps what they found in `RESULTS.md`.
"""
