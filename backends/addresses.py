"""Which addresses of a provider's we ever call, one rule per kind of address. Everything else is refused unasked.

Never: another scheme than http or https, a name and password inside the URL, a host that nobody vouched for, a private,
link-local or metadata address (169.254.169.254) for a rented machine, or an id that would leave its place in a path.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from urllib.parse import urlsplit

from backends.errors import UnexpectedReply

LONGEST_URL = 2000
LONGEST_ID = 128
_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.:-]{{0,{LONGEST_ID - 1}}}")
_MACHINE = re.compile(r"http://([0-9.]{7,15}):([0-9]{1,5})")
_PATH = re.compile(r"/[!-\[\]-~]*")  # printable ASCII but for the backslash, which some parsers take for a slash


class Forbidden(UnexpectedReply):
    """A provider named an address that we do not call."""


def machine_url(url: str, allowed: Callable[[IPv4Address], bool]) -> str:
    """`http://a.b.c.d:port` of a rented machine, if that is all it is and the address is `allowed`.

    A name is refused: what it means could change after it was looked at. Raises Forbidden.
    """
    found = _MACHINE.fullmatch(url)
    try:
        fits = found is not None and allowed(IPv4Address(found[1])) and 0 < int(found[2]) < 65536
    except AddressValueError:
        fits = False
    if not fits:
        raise _refused(url, "that is no address of a rented machine")
    return url


def public(address: IPv4Address) -> bool:
    """An address of the internet: neither private nor shared, loopback, link-local, multicast or reserved."""
    return address.is_global and not address.is_multicast


def loopback(address: IPv4Address) -> bool:
    """An address of this machine, where simulated providers live; never allowed for a real one."""
    return address.is_loopback


def same_host(there: str, here: str) -> str:
    """`there`, where `here` sends us on to, if scheme, host and port are the very same.

    Put together anew from the origin that we know, so that no two parsers can see two hosts in it. Raises Forbidden.
    """
    try:
        target, origin = urlsplit(there), urlsplit(here)
    except ValueError:
        raise _refused(there, "that cannot be read") from None
    path = f"{target.path}?{target.query}" if target.query else target.path
    if len(there) > LONGEST_URL or not _PATH.fullmatch(path):
        raise _refused(there, "that is no address")
    if origin.scheme not in ("http", "https") or target[:2] != origin[:2] or "@" in target.netloc:
        raise _refused(there, f"that is not on {origin.scheme}://{origin.netloc}")
    return f"{origin.scheme}://{origin.netloc}{path}"


def path_id(value: Any) -> str:
    """A provider's own id, safe as one step of a path: letters, digits and `_.:-`, so that it can name nothing else."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not _ID.fullmatch(str(value)):
        raise UnexpectedReply("A provider gave an id that cannot be one.", raw=repr(value)[: LONGEST_ID * 4])
    return str(value)


def _refused(address: str, why: str) -> Forbidden:
    return Forbidden(f"A provider gave an address that we do not call: {why}.", raw=address)
