"""LoRA Mixer: a mixing desk for LoRA adapters inside a Gradio chat UI."""

__version__ = "0.2.0"
