"""The capstone: everything the course built, as one small service with a page. `labkit serve` runs it."""

from labkit.lab.capstone.service import FAULTS, Desk, create_service, serve

__all__ = ["FAULTS", "Desk", "create_service", "serve"]
