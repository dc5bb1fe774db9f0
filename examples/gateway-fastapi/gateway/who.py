"""Who asks: an address, for the limit, and a class, for the queue."""

from __future__ import annotations

import dataclasses
import hmac
import ipaddress

from fastapi import Request

from .errors import Refusal
from .settings import CLASSES, Class, Settings


@dataclasses.dataclass(frozen=True)
class Who:
    """Of one request."""

    address: str
    priority: Class

    def may_see(self, owner: str) -> bool:
        """A job is seen by its class and by those above."""
        return owner in CLASSES and CLASSES.index(self.priority) <= CLASSES.index(owner)


def address_of(peer: str, forwarded: str | None, settings: Settings) -> str:
    """The last address that no proxy of ours has: what stands before it in the header anybody may have written."""
    address = peer
    for said in reversed([one.strip() for one in (forwarded or "").split(",") if one.strip()]):
        if not _trusted(address, settings):
            break
        try:
            address = str(ipaddress.ip_address(said))
        except ValueError:
            break
    return _plain(address)


def _plain(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    # Whoever has a network of IPv6 has as many addresses as they like.
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _trusted(address: str, settings: Settings) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in settings.proxies if network.version == parsed.version)


async def who(request: Request) -> Who:
    """Of this request; 401 where a key is wrong or missing. It waits for nothing, and so takes no thread."""
    settings: Settings = request.app.state.settings
    peer = request.client.host if request.client else "local"
    # A proxy may add a line of its own behind the one that it was sent.
    address = address_of(peer, ",".join(request.headers.getlist("x-forwarded-for")), settings)
    given = request.headers.get("x-api-key")
    if given is None:
        if settings.key_required:
            raise Refusal(401, "DS-401", "no_key")
        return Who(address, "user")
    # Each of them, in the same time: how far a guess was right is told by nothing.
    found = [name for key, name in settings.keys.items() if hmac.compare_digest(key.encode(), given.encode())]
    if not found:
        raise Refusal(401, "DS-401", "unknown_key")
    return Who(address, found[0])
