#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::source {

/// A pattern over paths: `*` and `?` within one part, `[a-z]` and `[!a-z]` for a character, `**` as a part of its own
/// for any number of parts, `{a,b}` for one of several texts, `\` before a character that is meant itself.
class Glob {
 public:
  /// Errors: kConfig E0497 for brackets or braces that do not match, or braces that make over 1,000 patterns.
  static Result<Glob> Parse(std::string_view pattern);

  bool Matches(std::string_view path) const;
  /// The folder that all matches lie below, "" if there is none: "2024/orders" of "2024/orders/*.csv".
  const std::string& folder() const { return folder_; }
  /// The one path that can match; empty if there are wildcards.
  const std::string& literal() const { return literal_; }

 private:
  std::vector<std::string> alternatives_;  // without braces
  std::string folder_;
  std::string literal_;
};

}  // namespace firn::source
