#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::io {

/// The parts of an absolute http(s) URL that decide where a request goes.
struct UrlParts {
  std::string scheme;          // "http" or "https"
  std::string host;            // lower-case, IPv6 in brackets
  int port = 0;                // explicit or the scheme's
  std::string path_and_query;  // begins with '/'

  /// Same scheme, host and port.
  bool SameOrigin(const UrlParts& other) const;
};

/// Errors: kConfig if the URL is malformed or its scheme is neither http nor https. The URL in the message is redacted.
Result<UrlParts> ParseUrl(std::string_view url);

/// Resolves `reference` (absolute or relative) against `base` (RFC 3986 §5.2).
Result<std::string> ResolveUrl(std::string_view base, std::string_view reference);

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3): for one path segment, query name or value.
std::string UrlEncode(std::string_view text);

/// Appends `name=value`, encoded, to the query of a URL, before any fragment.
std::string WithQuery(std::string_view url, std::string_view name, std::string_view value);
/// Replaces every query parameter `name` by one `name=value`; keeps the order and spelling of the others.
std::string WithQueryReplaced(std::string_view url, std::string_view name, std::string_view value);

/// For logs and errors: without user:password@ and with registered secrets replaced (ProcessRedactor); also values of
/// query parameters whose names say they are secret (key, token, secret, password, signature …).
std::string RedactUrl(std::string_view url);

}  // namespace firn::io
