#include <algorithm>
#include <filesystem>
#include <functional>

#include "cli/app.h"
#include "cli/commands.h"
#include "config/descriptor.h"
#include "config/file_text.h"
#include "connector/airbyte/declaration.h"
#include "connector/foreign/airbyte.h"
#include "connector/foreign/dlt.h"
#include "connector/foreign/draft.h"
#include "connector/foreign/sling.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;
namespace foreign = connector::foreign;

constexpr int kSomeLeftOut = 3;
constexpr int64_t kFileBytesMax = int64_t{16} << 20;

struct Format {
  std::string name;     // "airbyte": of the command
  std::string what;     // "streams": what the other program calls its tables
  std::string further;  // command that reads those that are left out, without the file; empty: there is none
  std::string after;    // what else may be to do; empty: nothing
  std::function<Result<foreign::Draft>(const std::string& text, const std::string& path, const foreign::Choice& choice)>
      read;
};

Status Refused(std::string message, std::string code, std::string next) {
  return MakeError(Fault::kConfig, std::move(message),
                   {.code = std::move(code), .state = "nothing was written", .next = std::move(next)});
}

Result<std::string> TextOf(const std::string& path) {
  auto text = config::ReadFileText(path, kFileBytesMax);
  if (text.ok()) return text;
  return Refused(path + " cannot be read: " + text.status().message(), "E0558", "name the file to import");
}

Result<foreign::Choice> ChoiceOf(const Arguments& arguments) {
  foreign::Choice choice{.name = arguments.Text("--name"), .streams = arguments.All("--select")};
  const auto& streams = arguments.All("--streams");
  choice.streams.insert(choice.streams.end(), streams.begin(), streams.end());
  if (choice.name.empty() || choice.name == foreign::NameOf(choice.name)) return choice;
  return Refused("`" + choice.name + "` is no name of a connector", "E0209", "--name " + foreign::NameOf(choice.name));
}

// What becomes of each table, one line each; stderr.
void SayTables(App& app, const foreign::Draft& draft, const std::string& path) {
  size_t width = 0;
  for (const auto& [name, unused] : draft.tables) width = std::max(width, name.size());
  for (const foreign::Refusal& refusal : draft.refused) width = std::max(width, refusal.table.size());
  const auto padded = [&](const std::string& name) { return "  " + name + std::string(width - name.size(), ' '); };
  for (const auto& [name, table] : draft.tables) {
    const bool whole = table.Find("primary_key") == nullptr && table.Find("incremental") == nullptr &&
                       table.Find("write_disposition") == nullptr;
    app.Say(padded(name) + "  converted" + (whole ? ", replaced by each run (no key)" : "") + "\n");
  }
  for (const foreign::Refusal& refusal : draft.refused) {
    const std::string line = refusal.line == 0 ? "" : path + ":" + std::to_string(refusal.line) + ": ";
    app.Say(padded(refusal.table) + "  left out   " + line + refusal.why + "\n");
  }
}

Result<std::string> OutputOf(const Arguments& arguments, const foreign::Draft& draft, const std::string& command) {
  const std::string output = arguments.Text("--output", "connectors/" + draft.name + ".yaml");
  std::error_code error;
  if (output == "-" || arguments.Flag("--force") || arguments.Flag("--dry-run") || !fs::exists(output, error))
    return output;
  return Refused(output + " exists", "E0559", command + " --force, or --output FILE");
}

Result<int> Import(App& app, const Arguments& arguments, const Format& format) {
  const std::string path = arguments.Text("FILE");
  const std::string command = "firn import " + format.name + " " + path;
  ARROW_ASSIGN_OR_RAISE(const foreign::Choice choice, ChoiceOf(arguments));
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextOf(path));
  ARROW_ASSIGN_OR_RAISE(const foreign::Draft draft, format.read(text, path, choice));
  ARROW_ASSIGN_OR_RAISE(const std::string output, OutputOf(arguments, draft, command));
  if (!app.quiet()) SayTables(app, draft, path);
  if (draft.tables.empty()) {
    return Refused(
        "none of the " + std::to_string(draft.num_tables()) + " " + format.what + " can be said in this format",
        "E0557", format.further.empty() ? "docs/guide/importing.md says what can be" : format.further + path);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string yaml, foreign::ConnectorText(draft));
  const int code = draft.refused.empty() ? 0 : kSomeLeftOut;
  const std::string count =
      std::to_string(draft.tables.size()) + " of " + std::to_string(draft.num_tables()) + " " + format.what;
  if (arguments.Flag("--dry-run")) {
    if (!app.quiet()) app.Say(count + " can be converted; nothing was written\n");
    return code;
  }
  if (output == "-") {
    ARROW_RETURN_NOT_OK(app.Print(yaml));
    return code;
  }
  ARROW_RETURN_NOT_OK(app.files().WriteAtomic(fs::absolute(output).lexically_normal().string(), yaml));
  if (!app.quiet()) app.Say("wrote " + output + " (" + count + ")\n");
  app.Next("firn init --from connector:" + output);
  if (!format.after.empty()) app.Next(format.after);
  if (code != 0 && !format.further.empty())
    app.Next("for the " + format.what + " that were left out: " + format.further + path);
  return code;
}

Command ImportCommand(const std::string& summary, Format format) {
  const std::string name = "import " + format.name;
  return {.name = name,
          .group = "Author",
          .summary = summary,
          .options =
              {{.name = "FILE", .kind = Option::Kind::kPositional, .help = "what is to be imported", .required = true},
               {.name = "--output", .help = "the connector file to write (connectors/NAME.yaml); - is stdout"},
               {.name = "--name", .help = "of the connector (made from the file's place)"},
               {.name = "--select", .kind = Option::Kind::kList, .help = "only these " + format.what},
               {.name = "--streams", .kind = Option::Kind::kList, .help = "the same as --select"},
               {.name = "--dry-run", .kind = Option::Kind::kFlag, .help = "say what can be converted, write nothing"},
               {.name = "--force", .kind = Option::Kind::kFlag, .help = "write over a file that is there"}},
          .run = [format = std::move(format)](App& app, const Arguments& arguments) {
            return Import(app, arguments, format);
          }};
}

Result<foreign::Draft> ReadAirbyte(const std::string& text, const std::string& path, const foreign::Choice& choice) {
  ARROW_ASSIGN_OR_RAISE(const auto manifest, connector::airbyte::ReadManifest(path));
  return foreign::DraftOfAirbyte(manifest, text, path, choice);
}

}  // namespace

Command ImportAirbyteCommand() {
  return ImportCommand(
      "write an Airbyte manifest as a connector file of your own",
      {.name = "airbyte", .what = "streams", .further = "firn init --from airbyte:", .after = "", .read = ReadAirbyte});
}

Command ImportDltCommand() {
  return ImportCommand(
      "write a rest_api configuration of dlt (.py, .json, .yaml) as a connector file of your own",
      {.name = "dlt",
       .what = "resources",
       .further = "",
       .after = "for tables that dlt has filled: naming: snake_case, system_columns: dlt, then firn import dlt-state "
                "(docs/guide/adopting.md)",
       .read = foreign::DraftOfDlt});
}

Command ImportSlingCommand() {
  return ImportCommand(
      "write an API spec of Sling as a connector file of your own",
      {.name = "sling", .what = "endpoints", .further = "", .after = "", .read = foreign::DraftOfSling});
}

}  // namespace firn::cli
