#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "expression/jinja/template.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

using jinja::Scope;

/// A text of a manifest that may hold Jinja, with the parameters that reached its component. Cheap to copy.
class Interpolated {
 public:
  Interpolated() = default;
  /// Errors: kConfig with the place of the component.
  static Result<Interpolated> Make(std::string_view source, const Value& parameters);

  /// As the reference's InterpolatedString: a literal becomes its value; empty gives the template's own value.
  Result<Value> Eval(Scope& scope, uint32_t types = jinja::kAnyType) const;
  /// As Eval, but empty or undefined gives null.
  Result<Value> EvalOrNull(Scope& scope, uint32_t types = jinja::kAnyType) const;
  /// Eval as Python's str().
  Result<std::string> EvalText(Scope& scope) const;
  Result<bool> EvalCondition(Scope& scope) const;

  const std::string& source() const { return source_; }
  bool empty() const { return source_.empty(); }
  bool is_literal() const { return literal_.has_value(); }

 private:
  std::string source_;
  std::optional<jinja::Template> template_;
  std::optional<Value> literal_;  // of a text without Jinja, for any type
  Value parameters_;
};

/// A text field of a component; an empty one if the field is absent.
Result<Interpolated> InterpolatedField(const Component& component, std::string_view field,
                                       std::string_view otherwise = "");
/// A list of texts; other items as Python prints them.
Result<std::vector<Interpolated>> InterpolatedList(const Component& component, std::string_view field);

/// A map of a component, evaluated as the reference's InterpolatedMapping: keys and the texts right in it; texts deeper
/// inside stand as they are. Empty if the field is absent.
Result<Entries> EvaluatedMap(const Component& component, std::string_view field, Scope& scope);

/// A value whose texts, at any depth, may hold Jinja: request bodies, parameters, headers. Keys too.
class InterpolatedTree {
 public:
  InterpolatedTree() = default;
  static Result<InterpolatedTree> Make(const expression::Value& value, const Value& parameters);
  /// `types` holds for the texts. Null values are left out of maps.
  Result<Value> Eval(Scope& scope, uint32_t types = jinja::kAnyType) const;
  /// True for a map without entries, and for no value at all.
  bool empty() const {
    return kind_ == Kind::kConstant ? !constant_ || !jinja::Truthy(*constant_)
                                    : children_.empty() && kind_ != Kind::kText;
  }
  bool is_text() const { return kind_ == Kind::kText; }
  const Interpolated& text() const { return text_; }

 private:
  enum class Kind { kConstant, kText, kMap, kList };
  Kind kind_ = Kind::kConstant;
  std::optional<Value> constant_;
  Interpolated text_;
  std::vector<Interpolated> keys_;
  std::vector<InterpolatedTree> children_;
};

}  // namespace firn::source::airbyte
