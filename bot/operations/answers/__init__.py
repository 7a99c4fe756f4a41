"""What a person asks for that changes nothing in the cloud: one file per subject, each with a table of verbs."""
