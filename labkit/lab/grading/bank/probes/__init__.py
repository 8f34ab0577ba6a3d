"""What is asked of the learner's code. Runs beside it, in the sandbox: no expected value may stand here."""
