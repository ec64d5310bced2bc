"""What all rooms of the page share: the console and its parts, messages and where they go, its script and style."""
