"""What LoRA Mixer costs, measured on this machine: `python3 run.py bench`.

One file a measurement (`applying`, `finding`, `generating`, `columns`, `page`, `starting`), each with a `measure` that
returns a `report.Section`; `__main__` runs them and keeps what they found in `RESULTS.md`.
"""
