#include "connector/foreign/sling_text.h"

#include <algorithm>

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

constexpr int kDepthMax = 8;  // of state that names state

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

bool IsName(std::string_view text) {
  return !text.empty() && NameOf(text) == text;
}

}  // namespace

const WrittenValue* SlingTexts::State(const std::string& name) const {
  const auto found = state_.find(name);
  return found == state_.end() ? nullptr : &found->second;
}

std::optional<std::string> SlingTexts::ExpressionOf(const WrittenValue& value) {
  if (value.kind != Kind::kString) return std::nullopt;
  std::string text = Trimmed(value.text);
  if (text.starts_with('$')) text.erase(0, 1);
  if (!text.starts_with('{') || text.find('}') != text.size() - 1) return std::nullopt;
  return Trimmed(std::string_view(text).substr(1, text.size() - 2));
}

std::optional<std::string> SlingTexts::StateOf(const WrittenValue& value) {
  const auto expression = ExpressionOf(value);
  if (!expression || !expression->starts_with("state.") || !IsName(expression->substr(6))) return std::nullopt;
  return expression->substr(6);
}

std::string SlingTexts::DeclareSetting(const std::string& name, bool secret) {
  const auto known = std::ranges::find(settings_, name, &Setting::name);
  if (known == settings_.end()) {
    settings_.push_back({.name = name, .doc = name, .secret = secret, .is_list = false, .otherwise = {}});
  } else {
    known->secret = known->secret || secret;
  }
  return SettingText(name);
}

Result<std::string> SlingTexts::Native(const WrittenValue& value) {
  return Native(value, 0);
}

Result<std::string> SlingTexts::Native(const WrittenValue& value, int depth) {
  if (value.kind == Kind::kNumber) return value.text;
  if (value.kind == Kind::kBool) return std::string(value.text == "True" ? "true" : "false");
  if (value.kind != Kind::kString) return WrittenError(value.line, "a text is needed here");
  std::string out;
  const std::string& text = value.text;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dollar = text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{';
    if (text[i] != '{' && !dollar) {
      out += Literal(std::string(1, text[i]));
      continue;
    }
    const size_t begin = i + (dollar ? 2 : 1);
    const size_t end = text.find('}', begin);
    if (end == std::string::npos) return WrittenError(value.line, "a `{` without `}`");
    ARROW_ASSIGN_OR_RAISE(const std::string said, Said(Trimmed(text.substr(begin, end - begin)), value.line, depth));
    out += said;
    i = end;
  }
  return out;
}

Result<std::string> SlingTexts::Said(const std::string& expression, uint32_t line, int depth) {
  const size_t dot = expression.find('.');
  const std::string root = expression.substr(0, dot);
  const std::string name = dot == std::string::npos ? "" : expression.substr(dot + 1);
  const auto refused = [&] { return WrittenError(line, "the expression `{" + expression + "}`"); };
  if (!IsName(name) || depth > kDepthMax) return refused();
  if (root == "secrets" || root == "env" || root == "inputs") return DeclareSetting(name, root == "secrets");
  if (root != "state") return refused();
  if (const auto said = said_.find(name); said != said_.end()) return said->second;
  const WrittenValue* value = State(name);
  if (value == nullptr) return refused();
  return Native(*value, depth + 1);
}

}  // namespace firn::connector::foreign
