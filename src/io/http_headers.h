#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace firn::io {

/// Header fields in order of arrival; names compare without case, a name may come several times.
class HttpHeaders {
 public:
  struct Field {
    std::string name;
    std::string value;
  };
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<Field> fields) : fields_(fields) {}

  /// First value of a name.
  std::optional<std::string_view> Get(std::string_view name) const;
  /// All values of a name, in order.
  std::vector<std::string_view> GetAll(std::string_view name) const;
  void Add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  /// Replaces all fields of the name by one.
  void Set(std::string name, std::string value);
  void Remove(std::string_view name);
  bool Has(std::string_view name) const { return Get(name).has_value(); }
  size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

/// ASCII comparison without case.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

/// One entry of a Link header (RFC 8288). `target` as written: may be relative.
struct HttpLink {
  std::string target;
  std::vector<std::string> relations;  // lower-case: "next"
};
/// Parses all Link fields. Malformed entries are left out.
std::vector<HttpLink> ParseLinks(const HttpHeaders& headers);
/// Returns the target of the first link with the relation, for example "next".
std::optional<std::string> LinkTarget(const HttpHeaders& headers, std::string_view relation);

/// Parses an HTTP-date (RFC 9110 §5.6.7: IMF-fixdate, RFC 850 and asctime forms).
std::optional<Timestamp> ParseHttpDate(std::string_view text);

/// Parses Retry-After: seconds (fractions allowed) or an HTTP-date, as a delay from `now`, at least 0; nullopt if
/// malformed. Absurd values are capped at kRetryAfterMax so that they do not overflow; whether to wait that long is the
/// caller's budget.
inline constexpr std::chrono::milliseconds kRetryAfterMax = std::chrono::hours(24 * 366);
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text, Timestamp now);

/// Parses the end of a wait, which APIs tell in five ways: seconds, seconds or milliseconds since 1970, an HTTP-date,
/// an RFC 3339 time; as a delay from `now`. nullopt if it is none of these.
std::optional<std::chrono::milliseconds> ParseReset(std::string_view text, Timestamp now);

/// What a server says about its limit.
struct RateLimitState {
  std::optional<int64_t> limit;
  std::optional<int64_t> remaining;
  std::optional<std::chrono::milliseconds> reset;  // from now, at least 0
};
/// Reads RateLimit-Limit/-Remaining/-Reset, X-RateLimit-*, X-Rate-Limit-*, and the combined `RateLimit: …;r=0;t=30` and
/// `limit=…, remaining=…, reset=…` drafts. A reset is seconds, seconds since 1970 (told apart by size, in s or ms), or
/// a date (HTTP or RFC 3339).
RateLimitState ParseRateLimit(const HttpHeaders& headers, Timestamp now);

/// Content-Range of a 206: "bytes 0-99/1234".
struct ContentRange {
  int64_t first = 0;
  int64_t last = 0;
  std::optional<int64_t> total;
};
std::optional<ContentRange> ParseContentRange(std::string_view text);

}  // namespace firn::io
