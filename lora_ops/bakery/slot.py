"""The name of the adapter that stands beside the live ones for as long as it is compared with them."""

#: No other adapter may have it. (PEFT 0.18 trips over a name with "lora_" in it.)
SLOT = "_mixer_check"
