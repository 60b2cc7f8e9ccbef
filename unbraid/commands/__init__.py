"""The commands: what the command line does, callable from Python."""
