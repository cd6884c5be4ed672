#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "config/connector_library.h"
#include "config/connector_page.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

bool IsBuiltin(const std::string& name) {
  return std::ranges::any_of(config::BuiltinConnectors(), [&](const auto& known) { return known.name == name; });
}

Result<config::ConnectorFile> ReadNamed(const std::string& name) {
  auto file = config::FindConnector(name, ".");
  if (!file.ok()) {
    return MakeError(Fault::kConfig, file.status().message(),
                     {.code = "E0510", .next = ContextOf(file.status())->next});
  }
  config::Diagnostics diagnostics;
  auto connector = config::ReadConnector(*file, &diagnostics);
  if (!connector) return diagnostics.ToStatus();
  return *std::move(connector);
}

Json NamesOf(const config::Node& tables) {
  Json names = Json::array();
  for (const auto& table : tables.entries) names.push_back(table.key);
  return names;
}

Result<int> ShowConnectors(App& app, const Arguments& arguments) {
  if (arguments.Given("NAME")) {
    ARROW_ASSIGN_OR_RAISE(const auto connector, ReadNamed(arguments.Text("NAME")));
    ARROW_RETURN_NOT_OK(app.Print(
        config::RenderConnectorPage(connector, IsBuiltin(arguments.Text("NAME")) ? "" : arguments.Text("NAME"))));
    return 0;
  }
  TextTable text({"NAME", "API", "TABLES"});
  Json list = Json::array();
  for (const config::BuiltinConnector& known : config::BuiltinConnectors()) {
    ARROW_ASSIGN_OR_RAISE(const auto connector, ReadNamed(std::string(known.name)));
    std::string tables;
    for (const auto& table : connector.tables.entries) tables += (tables.empty() ? "" : ", ") + table.key;
    text.Add({connector.name, connector.title, tables});
    list.push_back({{"name", connector.name},
                    {"title", connector.title},
                    {"api", connector.api},
                    {"tables", NamesOf(connector.tables)},
                    {"further_tables", NamesOf(connector.further_tables)}});
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  if (!app.quiet()) app.Next("firn init NAME   (firn connectors NAME tells its settings, tables and limits)");
  return 0;
}

}  // namespace

Command ConnectorsCommand() {
  return {.name = "connectors",
          .group = "Start",
          .summary = "list the connectors of this binary, or tell what one reads",
          .options = {{.name = "NAME",
                       .kind = Option::Kind::kPositional,
                       .help = "a connector, or the path of a connector file: its page in Markdown"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON array on stdout"}},
          .run = ShowConnectors};
}

}  // namespace firn::cli
