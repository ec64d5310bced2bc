"""What stands beside the chat: a turn that is answered twice; its script and style stand beside."""
