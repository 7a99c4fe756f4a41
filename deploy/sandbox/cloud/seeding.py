"""The people of the sandbox."""

from deploy.sandbox.cloud.identity import Identity
from deploy.sandbox.cloud.model import PERSON_RIGHTS, SERVICE_RIGHTS

SEED_DOMAIN = "OTC-EU-DE-SANDBOX"
SEED_PROJECT_ID = "0e5a9d3c7b1f4a628d40c6e2f8137b95"
PEOPLE = ("ana", "ben", "carla", "dora")
SERVICE_ACCOUNT = "notebook-bot"


def seed_users(identity: Identity) -> None:
    """Passwords are `sandbox-<name>`; the service account may look, stop and renew, not create, start or delete."""
    for name in PEOPLE:
        identity.add(name, rights=PERSON_RIGHTS)
    identity.add(SERVICE_ACCOUNT, rights=SERVICE_RIGHTS)
