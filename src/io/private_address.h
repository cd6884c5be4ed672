#pragma once

#include <sys/socket.h>

#include <string>

namespace firn::io {

/// True for addresses ("10.0.0.1", "::1", also in brackets) that are not of the public internet: loopback, private,
/// link-local, shared (carrier) and unique local ones, unspecified, multicast and reserved ones, and IPv6 addresses
/// that carry such an IPv4 address (IANA special-purpose registries). False for what is no address, for example a host
/// name.
bool IsPrivateAddress(const std::string& address);

/// The same for the host of a URL: also true for "localhost" and names below it.
bool IsPrivateHost(const std::string& host);

/// The same for the host that a URL names. True for what is no URL.
bool IsPrivateUrl(const std::string& url);

/// Returns an IPv4 or IPv6 address as text; empty for other families.
std::string AddressText(const sockaddr& address);

/// True if requests may go through a proxy, `configured` or of the environment: then the address of a connection is the
/// proxy's.
bool MayUseProxy(const std::string& configured);

}  // namespace firn::io
