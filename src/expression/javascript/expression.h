#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "expression/expression.h"
#include "expression/javascript/value.h"

/// JavaScript expressions with the results of Node: a subset without statements, changes of values and host access
/// (docs/reference/javascript.md).
namespace firn::expression::javascript {

/// What an evaluation can see. Used by one thread at a time.
struct Scope {
  std::vector<std::pair<std::string_view, Value>> names;  // few; searched in order
  const Clock* clock = nullptr;                           // for Date.now() and new Date(); null makes them an error
  std::string zone = "UTC";  // of the local getters and forms of dates: an IANA name or "+02:00"
};

/// What one evaluation may spend: fuel counts steps, and bytes made / 16.
inline constexpr Limits kDefaultLimits{.fuel = 5'000'000, .depth = 128, .output_bytes = 16 << 20};

/// A name that an expression takes from its scope. `member`: what is read of it, if that is written there: "id" of
/// `row.id` and `row['id']`, else "".
struct NameUse {
  std::string name;
  std::string member;
  Range range;
};

struct Program;  // expression/javascript/program.h

/// A parsed expression. Immutable, thread-safe, cheap to copy.
class Expression {
 public:
  /// Parses one expression. Errors: kConfig with the range of the mistake (RangeOf): E0620 where it is no JavaScript,
  /// E0621 where that is left out on purpose; E0624 when it is too long or nested too deeply.
  static Result<Expression> Parse(std::string_view source, const Limits& limits = kDefaultLimits);

  /// Returns the value. Errors, with the range: E0622 unknown names (kConfig); kBadData: E0623 what JavaScript throws,
  /// E0624 limits, E0625 arithmetic on numbers of the data that no double holds.
  Result<Value> Evaluate(const Scope& scope, const Limits& limits = kDefaultLimits) const;

  const std::string& source() const;
  /// The uses of names that neither the expression binds nor JavaScript knows, in reading order.
  std::vector<NameUse> OuterNames() const;

 private:
  explicit Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace firn::expression::javascript
