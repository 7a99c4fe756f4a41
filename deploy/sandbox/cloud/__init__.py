"""Simulated Huawei Cloud: IAM, ModelArts notebooks, their Jupyter face and AOM metrics over loopback HTTP.

Written from the API digest alone; it knows nothing of the bot's own adapter.
"""

from deploy.sandbox.cloud.seeding import SEED_PROJECT_ID
from deploy.sandbox.cloud.settings import CloudSettings
from deploy.sandbox.cloud.world import SimCloud

__all__ = ["SEED_PROJECT_ID", "CloudSettings", "SimCloud"]
