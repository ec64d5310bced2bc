"""The desk's room: faders, kinds, depth, fades, heat maps, profiles; its script and style stand beside."""
