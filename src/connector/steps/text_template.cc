#include "connector/steps/text_template.h"

#include <algorithm>

#include "expression/javascript/utf16.h"
#include "io/url.h"

namespace firn::connector::steps {

using javascript::Value;

std::string TextOf(const Value& value) {
  if (value.is_string()) return javascript::ToUtf8(value.as_string());
  std::string json = javascript::ToJson(value);
  if (value.kind() == Value::Kind::kDate && json.starts_with('"')) return json.substr(1, json.size() - 2);
  return json;
}

Result<TextTemplate> TextTemplate::Parse(std::string_view source) {
  TextTemplate out;
  out.source_ = source;
  while (!source.empty()) {
    const size_t open = source.find("{{");
    if (open != 0) out.parts_.push_back({.text = std::string(source.substr(0, open)), .expression = std::nullopt});
    if (open == std::string_view::npos) break;
    source.remove_prefix(open + 2);
    std::optional<Status> wrong;
    for (size_t close = source.find("}}"); close != std::string_view::npos; close = source.find("}}", close + 1)) {
      auto expression = javascript::Expression::Parse(source.substr(0, close));
      if (!expression.ok()) {
        wrong = expression.status();
        continue;
      }
      for (javascript::NameUse& use : expression->OuterNames()) out.names_.push_back(std::move(use));
      out.parts_.push_back({.text = "", .expression = *std::move(expression)});
      source.remove_prefix(close + 2);
      wrong.reset();
      break;
    }
    if (wrong || out.parts_.empty() || !out.parts_.back().expression) {
      return MakeError(Fault::kConfig, wrong ? wrong->message() : "this `{{` has no `}}`", {.code = "E0534"});
    }
  }
  return out;
}

bool TextTemplate::Uses(std::string_view name) const {
  return std::ranges::find(names_, name, &javascript::NameUse::name) != names_.end();
}

Result<Value> TextTemplate::Evaluate(const javascript::Scope& scope) const {
  if (is_expression()) return parts_[0].expression->Evaluate(scope);
  ARROW_ASSIGN_OR_RAISE(const std::string text, Render(scope, [](const std::string& value, bool) { return value; }));
  return Value::Utf8(text);
}

Result<std::string> TextTemplate::RenderUrl(const javascript::Scope& scope) const {
  return Render(scope, [](const std::string& value, bool first) { return first ? value : io::UrlEncode(value); });
}

Result<std::string> TextTemplate::Render(const javascript::Scope& scope, const Encode& encode) const {
  std::string out;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!parts_[i].expression) {
      out += parts_[i].text;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Value value, parts_[i].expression->Evaluate(scope));
    if (value.is_nullish()) {
      return MakeError(Fault::kBadData,
                       "`{{" + parts_[i].expression->source() + "}}` is " + javascript::ToJson(value) +
                           ", which is never meant inside text",
                       {.code = "E0535", .next = "write `?? ''` behind it, if nothing is meant"});
    }
    out += encode(TextOf(value), i == 0);
  }
  return out;
}

}  // namespace firn::connector::steps
