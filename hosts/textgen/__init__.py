"""text-generation-webui ("TextGen") as a host: asked at the moment something is wanted, changed in no file."""
