#include <algorithm>
#include <cctype>

#include "config/connector_file.h"
#include "config/yaml_format.h"
#include "config/yaml_scalar.h"
#include "connector/foreign/draft.h"
#include "connector/foreign/plain_secrets.h"

namespace firn::connector::foreign {
namespace {

constexpr size_t kFlowBytesMax = 110;
constexpr size_t kDocBytesMax = 160;

std::string Flow(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kMap: {
      std::string out = "{";
      for (const auto& [key, item] : value.as_map()) {
        out += (out.size() > 1 ? ", " : "") + config::YamlScalar(key) + ": " + Flow(item);
      }
      return out + "}";
    }
    case Value::Kind::kList: {
      std::string out = "[";
      for (const Value& item : value.as_list()) out += (out.size() > 1 ? ", " : "") + Flow(item);
      return out + "]";
    }
    case Value::Kind::kString:
      return config::YamlScalar(value.as_string());
    case Value::Kind::kNull:
      return "null";
    default:
      return expression::ToText(value);
  }
}

// `key: value`, on one line where that is short.
void Field(const std::string& key, const Value& value, size_t indent, std::string* out) {
  const std::string head = std::string(indent, ' ') + config::YamlScalar(key) + ":";
  const std::string flow = Flow(value);
  const bool is_map = value.kind() == Value::Kind::kMap && !value.as_map().empty();
  if (!is_map || head.size() + flow.size() < kFlowBytesMax) {
    *out += head + " " + flow + "\n";
    return;
  }
  *out += head + "\n";
  for (const auto& [name, item] : value.as_map()) Field(name, item, indent + 2, out);
}

std::string OneLine(std::string text) {
  text = text.substr(0, text.find('\n'));
  if (text.size() > kDocBytesMax) text = text.substr(0, text.find(' ', kDocBytesMax - 40));
  return text;
}

std::string VariableOf(const std::string& connector, const std::string& setting) {
  std::string name = connector + "_" + setting;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

Value SettingValue(const Draft& draft, const Setting& setting) {
  Map map;
  // The default of a secret is a secret.
  const bool has_default = setting.otherwise && (!setting.secret || expression::ToText(*setting.otherwise).empty());
  if (setting.is_list) Put(&map, "type", "list");
  if (!has_default) Put(&map, "required", Value::Bool(true));
  if (setting.secret) Put(&map, "secret", Value::Bool(true));
  if (has_default) Put(&map, "default", *setting.otherwise);
  Put(&map, "doc", Literal(OneLine(setting.doc.empty() ? setting.name : setting.doc)));
  if (!has_default && !setting.is_list) Put(&map, "example", "${env:" + VariableOf(draft.name, setting.name) + "}");
  return Value::OfMap(std::move(map));
}

std::string Header(const Draft& draft) {
  std::string out = "connector: 1\nname: " + config::YamlScalar(draft.name) +
                    "\ntitle: " + config::YamlScalar(Literal(draft.title)) +
                    "\napi: " + config::YamlScalar(Literal(draft.api)) + "\n";
  const std::string count = std::to_string(draft.tables.size()) + " of " + std::to_string(draft.num_tables());
  return out + "doc: " + config::YamlScalar(Literal("Imported from " + draft.origin + ": " + count + " tables.")) +
         "\n";
}

void Refusals(const Draft& draft, std::string* out) {
  if (draft.refused.empty()) return;
  *out += "# Left out, because this format cannot say them exactly:\n";
  for (const Refusal& refusal : draft.refused) {
    const std::string line = refusal.line == 0 ? "" : "line " + std::to_string(refusal.line) + ": ";
    std::string text = "# " + refusal.table + ": " + line + refusal.why;
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
    *out += text + "\n";
  }
}

Status Judge(const std::string& text, const std::string& name) {
  config::Diagnostics diagnostics;
  const auto file = std::make_shared<const config::SourceFile>(config::SourceFile{.name = name, .text = text});
  const auto connector = config::ReadConnector(file, &diagnostics);
  if (!connector) return Within("the connector that was written", diagnostics.ToStatus());
  ARROW_ASSIGN_OR_RAISE(const std::string formatted, config::FormatYaml(text, name));
  return formatted == text ? Status::OK() : MakeError(Fault::kBug, "the connector that was written is not laid out");
}

}  // namespace

Result<std::string> ConnectorText(const Draft& read) {
  Draft draft = read;
  TakeSecretsOut(&draft);
  std::string out = Header(draft);
  if (!draft.settings.empty()) {
    out += "settings:\n";
    for (const Setting& setting : draft.settings) {
      out += "  " + setting.name + ": " + Flow(SettingValue(draft, setting)) + "\n";
    }
  }
  out += "source:\n";
  for (const auto& [key, value] : draft.source) Field(key, value, 2, &out);
  out += "tables:\n";
  for (const auto& [name, table] : draft.tables) Field(name, table, 2, &out);
  Refusals(draft, &out);
  ARROW_RETURN_NOT_OK(Judge(out, draft.name + ".yaml"));
  return out;
}

}  // namespace firn::connector::foreign
