"""Loaded by every Python process of a run that must do without a network: any address but loopback is refused."""

import ipaddress
import socket

_connect = socket.socket.connect


def _refuse(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
        raise ConnectionRefusedError(f"a test forbids the network; asked for {address}")
    return _connect(self, address)


def _resolve(host, *arguments, _inner=socket.getaddrinfo, **more):
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise socket.gaierror(f"a test forbids the network; asked for {host}")
    return _inner(host, *arguments, **more)


socket.socket.connect = socket.socket.connect_ex = _refuse
socket.getaddrinfo = _resolve
