#include "config/connector_page.h"

#include "config/fields.h"
#include "config/yaml_scalar.h"

namespace firn::config {
namespace {

std::string Code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + Code(text);
  return out;
}

// A list on one line, as it would be written.
std::string ValueText(const Node& node) {
  if (node.kind == NodeKind::kScalar) return YamlScalar(node.text);
  std::string out;
  for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + YamlScalar(item.text);
  return "[" + out + "]";
}

// The upper-case words of `${env:…}` in a value.
void AddVariables(const std::string& value, std::vector<std::string>* variables) {
  constexpr std::string_view kOpen = "${env:";
  for (size_t at = value.find(kOpen); at != std::string::npos; at = value.find(kOpen, at + 1)) {
    const size_t begin = at + kOpen.size();
    variables->push_back(value.substr(begin, value.find_first_of(":}", begin) - begin));
  }
}

std::string ReadingOf(const ObjectView& table) {
  if (table.Has("parent")) return "per row of " + Code(table.Text("parent"));
  if (!table.Has("incremental")) return "all rows";
  return "changes, by " + Code(table.Object("incremental").Text("cursor"));
}

std::string DeletionsOf(const ObjectView& table) {
  const bool is_missing = table.Has("deletes") && table.IsScalar("deletes") && table.Text("deletes") == "missing";
  if (is_missing) return "found";
  if (table.Has("delete_when")) return "told by the API";
  if (table.Has("replace_children") && table.Bool("replace_children")) return "with their parent's change";
  return "stay";
}

std::string PersonalDataOf(const ObjectView& table) {
  std::vector<std::string> paths;
  if (const Node* columns = table.Find("columns")) {
    for (const Entry& column : columns->entries) {
      if (column.value.Find("pii") != nullptr) paths.push_back(column.key);
    }
  }
  return Joined(paths);
}

std::string SettingsTable(const ConnectorFile& connector) {
  if (connector.settings.empty()) return "It has no settings.\n";
  std::string out = "| setting | | default |\n|---|---|---|\n";
  for (const ConnectorSetting& setting : connector.settings) {
    const std::string kind = setting.secret ? " (secret)" : setting.is_list ? " (list)" : "";
    out += "| " + Code(setting.name) + kind + " | " + setting.doc + " | " +
           (setting.required ? "required" : Code(ValueText(setting.otherwise))) + " |\n";
  }
  return out;
}

std::string TablesTable(const Node& tables) {
  std::string out = "| table | key | a run reads | deleted rows | personal data |\n|---|---|---|---|---|\n";
  for (const Entry& entry : tables.entries) {
    const ObjectView table(&entry.value, *TableType());
    out += "| " + Code(entry.key) + " | " + Joined(table.TextList("primary_key")) + " | " + ReadingOf(table) + " | " +
           DeletionsOf(table) + " | " + PersonalDataOf(table) + " |\n";
  }
  return out;
}

std::string FurtherTables(const Node& tables) {
  if (tables.entries.empty()) return "";
  return "\n## Further tables\n\nThey cost a request per row of their parent, so `tables:` has to name them.\n\n" +
         TablesTable(tables);
}

}  // namespace

std::string RenderConnectorPage(const ConnectorFile& connector, const std::string& path) {
  const std::string head = "<!-- Written by firn from " +
                           (path.empty() ? "connectors/" + connector.name + ".yaml" : path) + "; do not edit. -->\n";
  const std::string what = path.empty() ? connector.name : "--from connector:" + path;
  return head + "# " + connector.title + "\n\n`firn init " + what + "` writes a project that reads it. " +
         "The API: <" + connector.api + ">.\n\n" + connector.doc + "\n## Settings\n\n" + SettingsTable(connector) +
         "\n## Tables\n\n" + TablesTable(connector.tables) + FurtherTables(connector.further_tables);
}

ConnectorProject ProjectOf(const ConnectorFile& connector, const std::string& path) {
  const std::string reference = path.empty() ? connector.name : YamlScalar(path);
  ConnectorProject out;
  out.yaml =
      "# yaml-language-server: $schema=./firn.schema.json\n"
      "version: 1\n"
      "lake: {warehouse: ./lake}\n"
      "pipelines:\n  " +
      connector.name + ":\n    source:\n      type: connector\n      connector: " + reference +
      "   # firn connectors " + reference + " tells its tables and limits\n      settings:\n";
  for (const ConnectorSetting& setting : connector.settings) {
    const std::string value = setting.required ? YamlScalar(setting.example) : ValueText(setting.otherwise);
    if (setting.required) AddVariables(setting.example, &out.variables);
    out.yaml += std::string(8, ' ') + (setting.required ? "" : "# ") + setting.name + ": " + value + "   # " +
                setting.doc + "\n";
  }
  out.yaml += "    tables:   # those that are named are read; what is written here wins over the connector\n";
  for (const Entry& table : connector.tables.entries) out.yaml += "      " + table.key + ": {}\n";
  for (const Entry& table : connector.further_tables.entries) {
    out.yaml += "      # " + table.key + ": {}   # a request per row of its parent\n";
  }
  if (!connector.tables.entries.empty()) out.first_table = connector.tables.entries.front().key;
  return out;
}

}  // namespace firn::config
