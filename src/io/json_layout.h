#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

/// JSON text written anew without reading its values: numbers keep their digits, members their order. For tapes, which
/// people read and compare.
namespace firn::io {

inline constexpr int kJsonDepthMax = 500;

/// A scalar or the name of a member, as it stands in the text. Borrowed for the call.
struct JsonScalar {
  const std::vector<std::string>& path;  // names of the members around it, outermost first; arrays are passed through
  std::string_view token;                // "\"text\"", "-1.50", "true", "null"
  bool is_name = false;

  bool is_string() const { return token.front() == '"'; }
  bool is_number() const { return token.front() == '-' || (token.front() >= '0' && token.front() <= '9'); }
  std::string Text() const;  // of a string: what it means; else the token
};

/// Returns the JSON text that takes its place, of a name a string; nullopt: it stays.
using JsonEdit = std::function<std::optional<std::string>(const JsonScalar&)>;

enum class JsonLayout { kCompact, kIndented };  // kIndented: one scalar a line

/// Returns one JSON value (RFC 8259) in a layout. Errors: kBadData with the offset if `text` is anything else, or nests
/// deeper than kJsonDepthMax.
Result<std::string> LayOutJson(std::string_view text, JsonLayout layout, const JsonEdit& edit = nullptr);

/// The members of an object, in order: name and compact text of the value. Errors: as LayOutJson; kBadData if it is no
/// object.
Result<std::vector<std::pair<std::string, std::string>>> JsonMembers(std::string_view text);

/// `text` as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace firn::io
