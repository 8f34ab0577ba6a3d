"""Setting up: standard library only, since it runs before anything is installed."""
