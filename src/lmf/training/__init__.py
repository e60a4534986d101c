"""Training loops: what turns interactions into factors, epoch by epoch."""
