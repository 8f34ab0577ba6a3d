"""What is right, what it is worth, and which thought leads elsewhere. Never loaded beside a submission."""
