"""Adapter of the notebook service: our words on one side, the vendor's JSON on the other."""
