#pragma once

#include <string>
#include <vector>

#include "config/yaml_tree.h"
#include "connector/steps/text_template.h"

namespace firn::connector::steps {

/// A tree whose texts may hold expressions: the parameters, or the body, of a request. Immutable.
struct ValueTree {
  enum class Kind { kAbsent, kText, kConstant, kList, kObject };
  Kind kind = Kind::kAbsent;
  TextTemplate text;
  javascript::Value constant;
  std::vector<std::string> keys;  // kObject: of the items
  std::vector<ValueTree> items;
  config::Span place;

  /// Errors: those of expressions.
  Result<javascript::Value> Evaluate(const javascript::Scope& scope) const;
};

/// Returns a number, a boolean or null of the file as a value, other scalars as text.
javascript::Value ConstantOf(const config::Node& scalar);

}  // namespace firn::connector::steps
