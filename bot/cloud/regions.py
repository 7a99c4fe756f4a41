"""Where each cloud answers, by region. Source: API digest, section 15."""

from typing import NamedTuple

from bot.model import Dialect

_HWC_NAMES = (
    "cn-north-1 cn-north-2 cn-north-4 cn-north-9 cn-north-11 cn-north-12 cn-south-1 cn-east-3 cn-east-4 "
    "cn-southwest-2 cn-southwest-3 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 la-south-2 la-north-2 "
    "sa-brazil-1 af-south-1 af-north-1 tr-west-1 me-east-1"
)
HWC_REGIONS = frozenset(_HWC_NAMES.split())
OTC_REGIONS = frozenset({"eu-de"})  # ModelArts is not offered in eu-nl


class EndpointUrls(NamedTuple):
    """Default addresses of a region; none ends in a slash. `notebook_hosts` are globs for a notebook's `url`."""

    modelarts: str
    iam: str
    aom: str
    notebook_hosts: tuple[str, ...]


def endpoint_urls(cloud: Dialect, region: str) -> EndpointUrls:
    """The addresses a region has unless the policy file says otherwise.

    Any region is answered, known or not: `known_region` tells which ones the vendor lists for ModelArts.
    """
    if cloud == "otc":
        base = f"{region}.otc.t-systems.com"
        hosts: tuple[str, ...] = ("*.otc.t-systems.com",)
    else:
        base = f"{region}.myhuaweicloud.{'eu' if region == 'eu-west-101' else 'com'}"
        hosts = (f"authoring-modelarts-{region.replace('-', '')}.huaweicloud.com",)
    return EndpointUrls(f"https://modelarts.{base}", f"https://iam.{base}", f"https://aom.{base}", hosts)


def known_region(cloud: Dialect, region: str) -> bool:
    """Whether the vendor lists ModelArts for the region; false is a reason to look twice, not to refuse."""
    return region in (OTC_REGIONS if cloud == "otc" else HWC_REGIONS)
