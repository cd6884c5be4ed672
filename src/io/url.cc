#include "io/url.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

#include "base/ascii.h"
#include "base/redactor.h"

namespace firn::io {
namespace {

bool IsUnreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}
bool HasControlOrSpace(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

// A URL cut into its five components (RFC 3986 appendix B), as views.
struct Components {
  std::string_view scheme, authority, path, query, fragment;
  bool has_scheme = false, has_authority = false, has_query = false, has_fragment = false;
};

Components Cut(std::string_view text) {
  Components out;
  if (const size_t hash = text.find('#'); hash != std::string_view::npos) {
    out.fragment = text.substr(hash + 1);
    out.has_fragment = true;
    text = text.substr(0, hash);
  }
  if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
    out.query = text.substr(mark + 1);
    out.has_query = true;
    text = text.substr(0, mark);
  }
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon > 0 && text.substr(0, colon).find('/') == std::string_view::npos) {
    out.scheme = text.substr(0, colon);
    out.has_scheme = true;
    text = text.substr(colon + 1);
  }
  if (text.starts_with("//")) {
    const size_t slash = std::min(text.find('/', 2), text.size());
    out.authority = text.substr(2, slash - 2);
    out.has_authority = true;
    text = text.substr(slash);
  }
  out.path = text;
  return out;
}

std::string Join(const Components& parts, std::string_view path) {
  std::string url;
  if (parts.has_scheme) url.append(parts.scheme).append(":");
  if (parts.has_authority) url.append("//").append(parts.authority);
  url.append(path);
  if (parts.has_query) url.append("?").append(parts.query);
  if (parts.has_fragment) url.append("#").append(parts.fragment);
  return url;
}

// RFC 3986 §5.2.4.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> out;
  const bool absolute = path.starts_with('/');
  bool ends_open = false;
  size_t at = absolute ? 1 : 0;
  for (;;) {
    const size_t slash = path.find('/', at);
    const bool last = slash == std::string_view::npos;
    const std::string_view segment = path.substr(at, last ? std::string_view::npos : slash - at);
    const bool dots = segment == "." || segment == "..";
    if (segment == ".." && !out.empty()) out.pop_back();
    if (!dots) out.push_back(segment);
    if (last) {
      ends_open = dots;
      break;
    }
    at = slash + 1;
  }
  std::string result = absolute ? "/" : "";
  for (size_t i = 0; i < out.size(); ++i) result.append(i == 0 ? "" : "/").append(out[i]);
  if (ends_open && !out.empty()) result += '/';
  return result;
}

std::string_view WithoutUser(std::string_view authority) {
  const size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

Status Malformed(std::string_view url, const char* why) {
  return MakeError(Fault::kConfig, std::string(why) + ": " + RedactUrl(url));
}

bool SoundsSecret(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kWords = {"key", "token", "secret",    "password",  "passwd",
                                                             "pwd", "auth",  "signature", "credential"};
  // Page tokens are not secrets, and a person needs them to understand an error.
  const std::string lower = AsciiLower(name);
  for (const char* harmless : {"page", "next", "continuation", "cursor", "sort", "order"}) {
    if (lower.find(harmless) != std::string::npos) return false;
  }
  if (lower == "code" || lower == "sig" || lower == "session") return true;
  return std::any_of(kWords.begin(), kWords.end(), [&](auto word) { return lower.find(word) != std::string::npos; });
}

// Calls `use(name, whole parameter)` for each parameter of a query.
template <typename Use>
void ForEachParameter(std::string_view query, Use use) {
  size_t at = 0;
  while (at <= query.size()) {
    const size_t end = std::min(query.find('&', at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    use(parameter.substr(0, parameter.find('=')), parameter);
    at = end + 1;
  }
}

}  // namespace

bool UrlParts::SameOrigin(const UrlParts& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

Result<UrlParts> ParseUrl(std::string_view url) {
  if (HasControlOrSpace(url)) return Malformed(url, "URL contains spaces or control characters");
  const Components cut = Cut(url);
  UrlParts parts{.scheme = AsciiLower(cut.scheme)};
  if (parts.scheme != "http" && parts.scheme != "https")
    return Malformed(url, "URL must begin with http:// or https://");
  std::string_view authority = WithoutUser(cut.authority);
  const size_t after_host = authority.starts_with('[') ? authority.find(']') : 0;
  if (after_host == std::string_view::npos) return Malformed(url, "URL has an unfinished IPv6 address");
  const size_t colon = authority.find(':', after_host);
  parts.host = AsciiLower(authority.substr(0, colon));
  if (parts.host.empty()) return Malformed(url, "URL has no host");
  parts.port = parts.scheme == "https" ? 443 : 80;
  if (colon != std::string_view::npos && colon + 1 < authority.size()) {
    const std::string_view text = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts.port);
    if (error != std::errc() || end != text.data() + text.size() || parts.port < 1 || parts.port > 65'535) {
      return Malformed(url, "URL has a bad port");
    }
  }
  parts.path_and_query = cut.path.empty() ? "/" : std::string(cut.path);
  if (cut.has_query) parts.path_and_query.append("?").append(cut.query);
  return parts;
}

Result<std::string> ResolveUrl(std::string_view base, std::string_view reference) {
  ARROW_RETURN_NOT_OK(ParseUrl(base).status());
  const Components from = Cut(base);
  Components to = Cut(reference);
  std::string path;
  if (to.has_scheme) {
    path = RemoveDotSegments(to.path);
  } else {
    to.scheme = from.scheme;
    to.has_scheme = true;
    if (to.has_authority) {
      path = RemoveDotSegments(to.path);
    } else {
      to.authority = from.authority;
      to.has_authority = true;
      if (to.path.empty()) {
        path = from.path;
        if (!to.has_query) {
          to.query = from.query;
          to.has_query = from.has_query;
        }
      } else if (to.path.starts_with('/')) {
        path = RemoveDotSegments(to.path);
      } else {
        const std::string_view folder = from.path.substr(0, from.path.rfind('/') + 1);
        path = RemoveDotSegments((folder.empty() ? "/" : std::string(folder)) + std::string(to.path));
      }
    }
  }
  const std::string url = Join(to, path);
  ARROW_RETURN_NOT_OK(ParseUrl(url).status());
  return url;
}

std::string UrlEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

std::string WithQuery(std::string_view url, std::string_view name, std::string_view value) {
  Components parts = Cut(url);
  std::string query(parts.query);
  if (!query.empty() && query.back() != '&') query += '&';
  query.append(UrlEncode(name)).append("=").append(UrlEncode(value));
  parts.query = query;
  parts.has_query = true;
  return Join(parts, parts.path);
}

std::string WithQueryReplaced(std::string_view url, std::string_view name, std::string_view value) {
  Components parts = Cut(url);
  const std::string encoded = UrlEncode(name);
  const std::string fresh = encoded + "=" + UrlEncode(value);
  std::string query;
  bool placed = false;
  const auto add = [&](std::string_view parameter) { query.append(query.empty() ? "" : "&").append(parameter); };
  ForEachParameter(parts.has_query ? parts.query : "", [&](std::string_view found, std::string_view parameter) {
    if (parameter.empty()) return;
    if (found != name && found != encoded) return add(parameter);
    if (!placed) add(fresh);
    placed = true;
  });
  if (!placed) add(fresh);
  parts.query = query;
  parts.has_query = true;
  return Join(parts, parts.path);
}

std::string RedactUrl(std::string_view url) {
  Components parts = Cut(url);
  parts.authority = WithoutUser(parts.authority);
  std::string query;
  if (parts.has_query) {
    ForEachParameter(parts.query, [&](std::string_view name, std::string_view parameter) {
      if (!query.empty()) query += '&';
      if (SoundsSecret(name) && name.size() < parameter.size()) {
        query.append(name).append("=***");
      } else {
        query.append(parameter);
      }
    });
  }
  parts.query = query;
  return ProcessRedactor().Redact(Join(parts, parts.path));
}

}  // namespace firn::io
