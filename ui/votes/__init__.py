"""The room of blind votes: sessions, standings, kept experiments; its script and style stand beside."""
