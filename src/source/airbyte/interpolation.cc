#include "source/airbyte/interpolation.h"

namespace firn::source::airbyte {

Result<Interpolated> Interpolated::Make(std::string_view source, const Value& parameters) {
  Interpolated made;
  made.source_ = source;
  made.parameters_ = parameters;
  if (source.find("stream_state") != std::string_view::npos) {
    return MakeError(Fault::kConfig, "`stream_state` cannot be used in expressions; use `stream_interval`");
  }
  ARROW_ASSIGN_OR_RAISE(made.template_, jinja::Template::Parse(source));
  if (made.template_->is_literal()) {
    Scope scope(nullptr);
    ARROW_ASSIGN_OR_RAISE(made.literal_, made.template_->EvaluateString(scope));
  }
  return made;
}

Result<Value> Interpolated::Eval(Scope& scope, uint32_t types) const {
  if (!template_) return Value::String("");
  if (literal_ && types == jinja::kAnyType) return *literal_;
  scope.Set("parameters", parameters_);
  return template_->EvaluateString(scope, types);
}

Result<Value> Interpolated::EvalOrNull(Scope& scope, uint32_t types) const {
  if (!template_) return Value::Null();
  scope.Set("parameters", parameters_);
  return template_->Evaluate(scope, types);
}

Result<std::string> Interpolated::EvalText(Scope& scope) const {
  ARROW_ASSIGN_OR_RAISE(const Value value, Eval(scope));
  return jinja::ToText(value);
}

Result<bool> Interpolated::EvalCondition(Scope& scope) const {
  if (!template_) return false;
  scope.Set("parameters", parameters_);
  return template_->EvaluateBoolean(scope);
}

Result<Interpolated> InterpolatedField(const Component& component, std::string_view field, std::string_view otherwise) {
  const std::string text = component.Text(field, std::string(otherwise));
  if (text.empty()) return Interpolated();
  const auto made = Interpolated::Make(text, jinja::FromCore(component.Parameters()));
  if (!made.ok()) return Within(component.path() + "." + std::string(field), made.status());
  return made;
}

Result<std::vector<Interpolated>> InterpolatedList(const Component& component, std::string_view field) {
  std::vector<Interpolated> out;
  const auto* found = component.Find(field);
  if (found == nullptr) return out;
  const Value parameters = jinja::FromCore(component.Parameters());
  const expression::List single = {*found};
  const bool is_list = found->kind() == expression::Value::Kind::kList;
  for (const auto& item : is_list ? found->as_list() : single) {
    ARROW_ASSIGN_OR_RAISE(auto text, Interpolated::Make(expression::ToText(item), parameters));
    out.push_back(std::move(text));
  }
  return out;
}

Result<Entries> EvaluatedMap(const Component& component, std::string_view field, Scope& scope) {
  const auto* found = component.Find(field);
  Entries entries;
  if (found == nullptr || found->kind() != expression::Value::Kind::kMap) return entries;
  const Value parameters = jinja::FromCore(component.Parameters());
  for (const auto& [key, item] : found->as_map()) {
    if (key == "$parameters") continue;
    ARROW_ASSIGN_OR_RAISE(const auto name, Interpolated::Make(key, parameters));
    ARROW_ASSIGN_OR_RAISE(const Value name_value, name.EvalOrNull(scope, jinja::kStringType));
    Value value = jinja::FromCore(item);
    if (item.is_string()) {
      ARROW_ASSIGN_OR_RAISE(const auto text, Interpolated::Make(item.as_string(), parameters));
      ARROW_ASSIGN_OR_RAISE(value, text.EvalOrNull(scope));
    }
    Put(entries, jinja::ToText(name_value), std::move(value));
  }
  return entries;
}

Result<InterpolatedTree> InterpolatedTree::Make(const expression::Value& value, const Value& parameters) {
  using CoreKind = expression::Value::Kind;
  InterpolatedTree made;
  if (value.is_string()) {
    made.kind_ = Kind::kText;
    ARROW_ASSIGN_OR_RAISE(made.text_, Interpolated::Make(value.as_string(), parameters));
  } else if (value.kind() == CoreKind::kMap) {
    made.kind_ = Kind::kMap;
    for (const auto& [key, item] : value.as_map()) {
      if (key == "$parameters") continue;
      ARROW_ASSIGN_OR_RAISE(auto name, Interpolated::Make(key, parameters));
      ARROW_ASSIGN_OR_RAISE(auto child, Make(item, parameters));
      made.keys_.push_back(std::move(name));
      made.children_.push_back(std::move(child));
    }
  } else if (value.kind() == CoreKind::kList) {
    made.kind_ = Kind::kList;
    for (const auto& item : value.as_list()) {
      ARROW_ASSIGN_OR_RAISE(auto child, Make(item, parameters));
      made.children_.push_back(std::move(child));
    }
  } else {
    made.constant_ = jinja::FromCore(value);
  }
  return made;
}

Result<Value> InterpolatedTree::Eval(Scope& scope, uint32_t types) const {
  switch (kind_) {
    case Kind::kConstant:
      return constant_.value_or(Value::Null());
    case Kind::kText:
      return text_.EvalOrNull(scope, types);
    case Kind::kList: {
      List items;
      for (const auto& child : children_) {
        ARROW_ASSIGN_OR_RAISE(Value item, child.Eval(scope, types));
        items.push_back(std::move(item));
      }
      return Value::OfList(std::move(items));
    }
    case Kind::kMap:
      break;
  }
  Entries entries;
  for (size_t i = 0; i < children_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const Value name, keys_[i].EvalOrNull(scope, jinja::kStringType));
    ARROW_ASSIGN_OR_RAISE(Value item, children_[i].Eval(scope, types));
    if (item.is_null() || item.is_undefined()) continue;
    Put(entries, jinja::ToText(name), std::move(item));
  }
  return Value::OfMap(std::move(entries));
}

}  // namespace firn::source::airbyte
