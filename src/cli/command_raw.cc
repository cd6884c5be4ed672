#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/byte_size.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/run_setup.h"
#include "cli/table_choice.h"
#include "cli/text_table.h"
#include "pipeline/raw_retention.h"
#include "pipeline/raw_table.h"
#include "pipeline/run_leases.h"
#include "pipeline/run_plan.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kNotDone = 10;  // as `rederive` without --yes

std::string BeganText(const pipeline::RawRun& run) {
  return run.archived.began ? FormatTimestamp(*run.archived.began) : "";
}

std::string SealText(const pipeline::RawRun& run) {
  return run.seal.key_id.empty() ? "plain" : "key " + run.seal.key_id;
}

std::string Rendered(const std::vector<pipeline::RawRun>& runs) {
  TextTable table({"run", "began", "size", "encryption", "rederive", "retention"});
  for (const auto& run : runs) {
    table.Add({run.archived.run, BeganText(run), FormatByteSize(run.bytes), SealText(run), ToString(run.use),
               run.expired ? "over" : ""});
  }
  return table.Render();
}

Json JsonOf(const std::string& name, const std::string& location, const pipeline::RawInventory& inventory) {
  Json runs = Json::array();
  for (const auto& run : inventory.runs) {
    runs.push_back({{"run", run.archived.run},
                    {"began", BeganText(run)},
                    {"bytes", run.bytes},
                    {"key_id", run.seal.key_id},
                    {"rederive", ToString(run.use)},
                    {"expired", run.expired}});
  }
  return {{"table", name},
          {"location", location},
          {"runs", runs},
          {"gaps", inventory.gaps},
          {"why_not_derivable", inventory.why_not_derivable}};
}

std::string Notes(const pipeline::RawInventory& inventory) {
  std::string out;
  for (const std::string& gap : inventory.gaps) out += "! rederive would lack " + gap + "\n";
  if (inventory.num_unchecked > 0) {
    out += "! of " + std::to_string(inventory.num_unchecked) +
           " runs the key is not here: what is said of them is not checked\n";
  }
  if (!inventory.why_not_derivable.empty()) out += "! cannot be rebuilt: " + inventory.why_not_derivable + "\n";
  return out;
}

std::string PlaceText(const TableChoice& choice, const pipeline::RawInventory& inventory) {
  const config::RawConfig::Mode mode = choice.table->raw.mode;
  const bool lies_in_table =
      mode == config::RawConfig::Mode::kOff && !inventory.runs.empty() && inventory.runs.back().archived.in_table;
  if (mode != config::RawConfig::Mode::kTable && !lies_in_table) return choice.table->raw.location;
  return "table " + pipeline::RawTableOf(*choice.pipeline, *choice.table).ToString();
}

std::vector<TableChoice> AllTables(const config::Project& project) {
  std::vector<TableChoice> out;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) out.push_back({&pipeline, &table});
  }
  return out;
}

Result<int> List(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  std::vector<TableChoice> choices = AllTables(*project);
  const auto given = arguments.Given("TABLE");
  if (given) {
    ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, *given));
    choices = {choice};
  }
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app, *project, *catalog, {}));
  Json tables = Json::array();
  std::string text;
  for (const TableChoice& choice : choices) {
    ARROW_ASSIGN_OR_RAISE(const auto inventory, pipeline::TakeRawInventory(setup->context(), *choice.pipeline,
                                                                           *choice.table, pipeline::MarkTrust::kShown));
    // What was archived before it was turned off is there still.
    const bool is_off = choice.table->raw.mode == config::RawConfig::Mode::kOff;
    if (is_off && inventory.runs.empty() && !given) continue;
    const std::string place = PlaceText(choice, inventory);
    const std::string name = pipeline::IdentifierOf(*choice.pipeline, *choice.table).ToString();
    tables.push_back(JsonOf(name, place, inventory));
    text += name + "   " + place + "\n" + (inventory.runs.empty() ? "nothing archived\n" : Rendered(inventory.runs)) +
            Notes(inventory);
  }
  if (arguments.Flag("--json")) text = Json{{"version", 1}, {"tables", tables}}.dump() + "\n";
  ARROW_RETURN_NOT_OK(app.Print(text));
  return 0;
}

Status Remove(const pipeline::RunContext& context, const TableChoice& choice, const std::vector<pipeline::RawRun>& runs,
              std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto lease, pipeline::AcquireLease(context, "pipeline-" + choice.pipeline->name));
  std::vector<pipeline::ArchivedRun> archived;
  for (const auto& run : runs) archived.push_back(run.archived);
  return pipeline::RemoveRawRuns(context, *choice.pipeline, *choice.table, archived, std::move(stop));
}

// What cannot be opened any more can only go as a whole.
Result<std::vector<pipeline::RawRun>> Chosen(const pipeline::RunContext& context, const TableChoice& choice,
                                             const Arguments& arguments, std::string* notes) {
  if (arguments.Flag("--all")) return pipeline::ListRawAsItLies(context, *choice.pipeline, *choice.table);
  ARROW_ASSIGN_OR_RAISE(auto inventory, pipeline::TakeRawInventory(context, *choice.pipeline, *choice.table,
                                                                   pipeline::MarkTrust::kShown));
  *notes = Notes(inventory);
  std::erase_if(inventory.runs, [](const pipeline::RawRun& run) { return !run.expired; });
  return std::move(inventory.runs);
}

Result<int> Prune(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app, *project, *catalog, {}));
  std::string notes;
  ARROW_ASSIGN_OR_RAISE(const auto runs, Chosen(setup->context(), choice, arguments, &notes));
  const std::string name = pipeline::IdentifierOf(*choice.pipeline, *choice.table).ToString();
  if (runs.empty()) {
    app.Say(name + ": no archived run is over its retention\n");
    return 0;
  }
  const bool needed = arguments.Flag("--all") || std::ranges::any_of(runs, [](const pipeline::RawRun& run) {
                        return run.use == pipeline::RawRun::Use::kNeeded;
                      });
  if (!arguments.Flag("--yes")) {
    ARROW_RETURN_NOT_OK(app.Print(Rendered(runs) + notes));
    app.Say("would remove these " + std::to_string(runs.size()) + " archived runs" +
            (needed ? "; " + name + " can then not be rebuilt from the rest without a --full-refresh" : "") +
            "\nnext  the same with --yes\n");
    return kNotDone;
  }
  ARROW_RETURN_NOT_OK(Remove(setup->context(), choice, runs, app.stop()));
  app.Say(name + ": " + std::to_string(runs.size()) + " archived runs removed; the table is as it was\n");
  return 0;
}

}  // namespace

Command RawListCommand() {
  return {.name = "raw list",
          .reads_tables = true,
          .group = "Look",
          .summary = "show what is archived of tables, how it is encrypted, and what rederive needs",
          .options = {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "one table; default: all"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one JSON document on stdout"}},
          .run = List};
}

Command RawPruneCommand() {
  return {.name = "raw prune",
          .group = "Run",
          .summary = "remove archived runs that are over their retention, also those that rederive needs",
          .options =
              {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true},
               {.name = "--all",
                .kind = Option::Kind::kFlag,
                .help = "every run of the table, also what no key opens any more"},
               {.name = "--yes",
                .kind = Option::Kind::kFlag,
                .help = "do it; without it the command says what it would do"}},
          .run = Prune};
}

}  // namespace firn::cli
