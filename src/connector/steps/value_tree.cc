#include "connector/steps/value_tree.h"

#include "config/json_text.h"
#include "expression/javascript/utf16.h"

namespace firn::connector::steps {

using javascript::Value;

Result<Value> ValueTree::Evaluate(const javascript::Scope& scope) const {
  switch (kind) {
    case Kind::kAbsent:
      return Value();
    case Kind::kConstant:
      return constant;
    case Kind::kText:
      return text.Evaluate(scope);
    case Kind::kList: {
      javascript::List values;
      for (const ValueTree& item : items) {
        ARROW_ASSIGN_OR_RAISE(Value value, item.Evaluate(scope));
        values.push_back(std::move(value));
      }
      return Value::OfArray(std::move(values));
    }
    case Kind::kObject:
      break;
  }
  javascript::Object object;
  for (size_t i = 0; i < items.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(Value value, items[i].Evaluate(scope));
    object.Put(javascript::ToUtf16(keys[i]), std::move(value));
  }
  return Value::OfObject(std::move(object));
}

Value ConstantOf(const config::Node& scalar) {
  auto value = javascript::ParseJson(config::JsonTextOf(scalar));
  return value.ok() ? *std::move(value) : Value::Utf8(scalar.text);
}

}  // namespace firn::connector::steps
