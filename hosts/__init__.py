"""Where model, tokenizer, lock, chat and folders come from."""
