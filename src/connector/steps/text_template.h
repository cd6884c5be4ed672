#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "expression/javascript/expression.h"

namespace firn::connector::steps {

namespace javascript = expression::javascript;

/// A text of a workflow: `text {{ JavaScript }} text`. Immutable, cheap to copy, thread-safe.
class TextTemplate {
 public:
  /// Parses `source`; an expression ends at the first `}}` that leaves it whole. Errors: kConfig E0534.
  static Result<TextTemplate> Parse(std::string_view source);

  /// Returns the value of the expression if the text is exactly one, else the text as a string. Errors: those of
  /// expressions.
  Result<javascript::Value> Evaluate(const javascript::Scope& scope) const;
  /// Returns the text as a URL: what expressions give is percent-encoded, but for one at the beginning.
  /// Errors: also kBadData E0535 for null, which is never meant inside a URL.
  Result<std::string> RenderUrl(const javascript::Scope& scope) const;

  bool is_expression() const { return parts_.size() == 1 && parts_[0].expression.has_value(); }
  const std::string& source() const { return source_; }
  /// The names that its expressions take from the scope.
  const std::vector<javascript::NameUse>& names() const { return names_; }
  bool Uses(std::string_view name) const;

 private:
  struct Part {
    std::string text;
    std::optional<javascript::Expression> expression;  // in place of the text
  };
  using Encode = std::function<std::string(const std::string&, bool first)>;
  Result<std::string> Render(const javascript::Scope& scope, const Encode& encode) const;

  std::string source_;
  std::vector<Part> parts_;
  std::vector<javascript::NameUse> names_;
};

/// Returns a value as it appears inside text: strings as they are, dates as RFC 3339, else JSON.
std::string TextOf(const javascript::Value& value);

}  // namespace firn::connector::steps
