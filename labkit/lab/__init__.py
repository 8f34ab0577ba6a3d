"""The laboratory: teaching equipment that stands on the boundary and is never imported by it."""
