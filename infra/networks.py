"""The part of an address that stands for one subscriber."""

from ipaddress import IPv6Address, ip_address

_IPV6_BITS = 64  # one subscriber gets a prefix of this length


def network(address: str) -> str:
    """Returns an IPv4 address as it is, of an IPv6 address the first 64 bits, and any other text unchanged."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> _IPV6_BITS << _IPV6_BITS)}/{_IPV6_BITS}"
