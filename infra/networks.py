"""Whom an address stands for."""

from ipaddress import IPv6Address, ip_address

_IPV6_BITS = 64  # what one subscriber is given


def network(address: str) -> str:
    """Returns the address itself, of IPv6 its first 64 bits; what is no address comes back as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> _IPV6_BITS << _IPV6_BITS)}/{_IPV6_BITS}"
