#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "expression/expression.h"
#include "expression/jinja/value.h"

/// Jinja templates as Airbyte's declarative connectors use them. Results equal those of the Python runtime
/// (airbyte-cdk 7.28.2, sources/declarative/interpolation); docs/airbyte-compatibility.md lists items and differences.
namespace firn::expression::jinja {

/// What an evaluation can see. Made by one thread and used by it; cheap to fill again for the next record.
class Scope {
 public:
  explicit Scope(const Clock* clock) : clock_(clock) {}

  /// Sets a name: config, record, response, headers, stream_slice, parameters, next_page_token, last_record… `name` is
  /// borrowed for the life of the scope (a literal). stream_partition and stream_interval are aliases of stream_slice:
  /// set only that.
  void Set(std::string_view name, Value value);
  /// As Set, but `make` runs when an expression first reads the name, at most once.
  void SetLazy(std::string_view name, std::function<Result<Value>()> make);
  void Remove(std::string_view name);

  bool Has(std::string_view name) const { return Place(name) != kAbsent; }
  /// Returns the value; the name must be there. Errors: those of a lazy name's `make`.
  Result<Value> Get(std::string_view name) const;
  const Clock* clock() const { return clock_; }

 private:
  friend class Evaluator;
  static constexpr size_t kAbsent = static_cast<size_t>(-1);
  struct Name {
    std::string_view name;
    mutable Value value;
    mutable std::function<Result<Value>()> make;  // empty once it has run
  };
  size_t Place(std::string_view name) const;

  const Clock* clock_;
  std::vector<Name> names_;  // few; searched in order
};

/// Python types that a result may have, as a set: kString | kList. A bool also counts as int, as in Python.
enum Types : uint32_t {
  kAnyType = 0,
  kStringType = 1,
  kIntType = 2,
  kFloatType = 4,
  kBoolType = 8,
  kListType = 16,
  kMapType = 32,
  kTupleType = 64,
  kBytesType = 128,
  kNullType = 256,
};

struct Program;  // expression/jinja/program.h

/// A compiled template. Immutable, thread-safe, cheap to copy.
class Template {
 public:
  /// Compiles `source`. A text without Jinja is fine. Errors: kConfig with the range of the mistake (RangeOf).
  static Result<Template> Parse(std::string_view source, Limits limits = {});

  /// Renders and turns the text into a value as the runtime's interpolation does: a rendered Python literal becomes
  /// that value if `types` allows it, else it stays text. Empty or undefined gives null. An expression whose kinds do
  /// not fit (Python's TypeError) gives the template's own text. Errors: kConfig with range (RangeOf): unknown names,
  /// values that cannot be parsed, limits.
  Result<Value> Evaluate(const Scope& scope, uint32_t types = kAnyType) const;

  /// As Evaluate with the template itself as default (the runtime's InterpolatedString): empty gives "", an undefined
  /// value below a missing one is an error.
  Result<Value> EvaluateString(const Scope& scope, uint32_t types = kAnyType) const;

  /// Evaluates a condition. False for False, 0, 0.0, "", "False", "false" and empty lists, maps, tuples, sets (also as
  /// text), and for undefined; true for everything else, also for None.
  Result<bool> EvaluateBoolean(const Scope& scope) const;

  /// Returns the rendered text, with nothing turned into values. An undefined value is "".
  Result<std::string> Render(const Scope& scope) const;

  /// True if there is no Jinja in it: the result never changes.
  bool is_literal() const;
  const std::string& source() const;
  /// The names it needs from the scope; each once, sorted.
  const std::vector<std::string>& names() const;

 private:
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace firn::expression::jinja
