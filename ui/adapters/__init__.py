"""The room of adapters: the shelf and the bakery; its script and style stand beside."""
