#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

/// Looks into JSON text without an index and without judging it: of bad JSON the result is some place within the text.
/// For single members of a body that is not decoded, or not yet.
namespace firn::source::rest {

/// Returns the place after the string that begins at `at` (on its quote).
size_t SkipString(std::string_view text, size_t at);
/// Returns the first place from `at` on that is no white space.
size_t SkipSpace(std::string_view text, size_t at);
/// Returns the place after the value that begins at `at`.
size_t SkipValue(std::string_view text, size_t at);
/// Returns where the value of the body begins: after a byte order mark and white space.
size_t BeginOfBody(std::string_view body);

/// Calls `visit(key as written between its quotes, place of the value)` for each member of the object that `body` is,
/// until it returns false.
template <typename Visit>
void ScanMembers(std::string_view body, Visit visit) {
  size_t at = BeginOfBody(body);
  if (at >= body.size() || body[at] != '{') return;
  ++at;
  while (true) {
    at = SkipSpace(body, at);
    if (at >= body.size() || body[at] != '"') return;
    const size_t end = SkipString(body, at);
    const std::string_view key = body.substr(at + 1, end > at + 2 ? end - at - 2 : 0);
    at = SkipSpace(body, end);
    if (at >= body.size() || body[at] != ':') return;
    at = SkipSpace(body, at + 1);
    if (!visit(key, at)) return;
    at = SkipSpace(body, SkipValue(body, at));
    if (at >= body.size() || body[at] != ',') return;
    ++at;
  }
}

/// Returns the raw text at a path of keys joined by dots ("error.code"); nullopt if a key is missing or lies in no
/// object. Ends at the member: what follows is not looked at. Borrowed from `body`.
std::optional<std::string_view> FindMember(std::string_view body, std::string_view path);

}  // namespace firn::source::rest
