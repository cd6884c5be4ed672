#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/lowering.h"
#include "config/value_text.h"
#include "pipeline/run_plan.h"
#include "pipeline/table_selection.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFileBytesMax = 16 << 20;
constexpr char kImageDefault[] = "firn:" FIRN_VERSION;

struct Target {
  const char* name;
  Generator* make;
  bool scheduled = true;
  const char* folder = nullptr;  // of the project where it runs; null: where it is now
  bool same_machine = false;     // so that this very program is there, but perhaps not on the scheduler's PATH
};

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {.name = "airflow", .make = GenerateAirflow},
      {.name = "cron", .make = GenerateCron, .same_machine = true},
      {.name = "dagster", .make = GenerateDagster},
      {.name = "dbt-sources", .make = GenerateDbtSources, .scheduled = false},
      {.name = "ecs", .make = GenerateEcs, .folder = "/project/"},
      {.name = "github-actions", .make = GenerateGithubActions, .folder = ""},
      {.name = "k8s", .make = GenerateKubernetes, .folder = "/project/"},
      {.name = "systemd", .make = GenerateSystemd, .same_machine = true},
  };
  return targets;
}

std::vector<std::string> TargetNames() {
  std::vector<std::string> names;
  for (const Target& target : Targets()) names.emplace_back(target.name);
  return names;
}

Status Refuse(std::string why, std::string next) {
  return MakeError(Fault::kConfig, std::move(why),
                   {.code = "E0981", .state = "nothing was written", .next = std::move(next)});
}

Result<std::optional<config::Schedule>> ScheduleArgument(const Arguments& arguments) {
  const auto text = arguments.Given("--schedule");
  if (!text) return std::optional<config::Schedule>();
  auto schedule = config::ParseSchedule(*text);
  if (!schedule || schedule->kind == config::Schedule::Kind::kOff) {
    return Refuse("`" + *text + "` is not a schedule", "--schedule \"every 15m\", or a cron line like \"0 6 * * *\"");
  }
  return schedule;
}

// A pipeline by itself is one unit; where only some of its tables are selected, it selects them by name.
std::vector<std::string> WordsOf(const config::PipelineConfig& pipeline,
                                 const std::vector<const config::TableConfig*>& tables) {
  if (tables.size() == pipeline.tables.size()) return {pipeline.name + ".*"};
  std::vector<std::string> words;
  for (const auto* table : tables) words.push_back(pipeline.name + "." + table->name);
  return words;
}

// Schedulers know fewer characters: of two pipelines that become one name there, one would never run.
Status CheckNames(const std::vector<GeneratedUnit>& units) {
  std::map<std::string, std::string> taken;
  for (const GeneratedUnit& unit : units) {
    const std::string& name = unit.pipeline->name;
    const auto [other, is_new] = taken.emplace(AsciiLower(SafeName(name, '-')), name);
    if (!is_new) {
      return Refuse("the pipelines " + other->second + " and " + name + " would have one name in the scheduler",
                    "rename one, or generate each by --select into a folder of its own with its own --name");
    }
  }
  return Status::OK();
}

Result<std::vector<GeneratedUnit>> UnitsOf(App& app, const config::Project& project, const Arguments& arguments,
                                           bool scheduled) {
  ARROW_ASSIGN_OR_RAISE(const auto own, ScheduleArgument(arguments));
  pipeline::TableSelection selection{.select = arguments.All("--select"), .exclude = arguments.All("--exclude")};
  ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(project, selection));
  std::vector<GeneratedUnit> units;
  for (const auto& pipeline : project.pipelines) {
    GeneratedUnit unit{.pipeline = &pipeline, .schedule = own.value_or(pipeline.schedule)};
    for (const auto& table : pipeline.tables) {
      const auto has = [&](const auto& group) { return std::ranges::find(group.tables, &table) != group.tables.end(); };
      if (std::ranges::any_of(groups, has)) unit.tables.push_back(&table);
    }
    if (unit.tables.empty()) continue;
    if (scheduled && unit.schedule.kind == config::Schedule::Kind::kOff) {
      app.Say("!  " + pipeline.name + " is left out: its schedule is off\n");
      continue;
    }
    if (scheduled && unit.schedule.kind == config::Schedule::Kind::kNone) {
      return Refuse("the pipeline " + pipeline.name + " has no schedule",
                    "write `schedule: every 1h` in the pipeline, or give --schedule \"every 1h\"");
    }
    unit.select = WordsOf(pipeline, unit.tables);
    units.push_back(std::move(unit));
  }
  ARROW_RETURN_NOT_OK(CheckNames(units));
  if (units.empty()) return Refuse("there is no pipeline to run on a schedule", "firn validate");
  return units;
}

// Names in ${env:NAME} of the project's files; text that is commented out counts too.
std::vector<std::string> VariablesOf(const config::Project& project) {
  constexpr std::string_view kMark = "${env:";
  std::set<std::string> names;
  for (const std::string& file : project.files) {
    std::error_code error;
    if (fs::file_size(file, error) > kFileBytesMax || error) continue;
    std::ifstream in(file);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
      const size_t begin = at + kMark.size();
      const size_t end =
          text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", begin);
      if (end != std::string::npos && end > begin) names.insert(text.substr(begin, end - begin));
    }
  }
  return {names.begin(), names.end()};
}

Status FillSchemas(App& app, GenerateRequest* request) {
  const auto catalog = app.Catalog(/*create=*/false);
  if (!catalog.ok()) return Status::OK();  // no lake yet: sources without columns
  for (const GeneratedUnit& unit : request->units) {
    for (const auto* table : unit.tables) {
      const auto identifier = pipeline::IdentifierOf(*unit.pipeline, *table);
      ARROW_ASSIGN_OR_RAISE(const auto loaded, (*catalog)->LoadTable(identifier));
      if (loaded) request->schemas.emplace(identifier.ToString(), loaded->metadata->schema());
    }
  }
  return Status::OK();
}

// Files of another content are not overwritten without --force.
Status WriteFiles(App& app, const Arguments& arguments, const std::vector<GeneratedFile>& files) {
  const fs::path folder = fs::absolute(arguments.Text("--output")).lexically_normal();
  for (const GeneratedFile& file : files) {
    std::ifstream in(folder / file.name);
    const std::string before(std::istreambuf_iterator<char>(in), {});
    if (!before.empty() && before != file.text && !arguments.Flag("--force")) {
      return MakeError(Fault::kConfig, (folder / file.name).string() + " exists with another content",
                       {.code = "E0851", .state = "nothing was written", .next = "another --output, or --force"});
    }
  }
  std::error_code error;
  fs::create_directories(folder, error);
  for (const GeneratedFile& file : files) {
    ARROW_RETURN_NOT_OK(app.files().WriteAtomic((folder / file.name).string(), file.text));
    if (!app.quiet()) app.Say("wrote " + (folder / file.name).string() + "\n");
  }
  return Status::OK();
}

Result<int> Generate(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (project->pipelines.empty()) {
    return MakeError(Fault::kConfig, "there is no pipeline here, so there is nothing to generate from",
                     {.state = "nothing was written", .next = "firn init URL, or run in a project's folder"});
  }
  const std::string wanted = arguments.Text("TARGET");
  const auto target = std::ranges::find_if(Targets(), [&](const Target& one) { return wanted == one.name; });
  const std::string zone = arguments.Text("--timezone", "UTC");
  if (!config::IsZoneName(zone) || zone.starts_with('+') || zone.starts_with('-')) {
    return Refuse("`" + zone + "` is not a time zone", "--timezone Europe/Berlin");
  }
  GenerateRequest request{.project = *project, .zone = zone, .zone_given = arguments.Flag("--timezone")};
  ARROW_ASSIGN_OR_RAISE(request.units, UnitsOf(app, *project, arguments, target->scheduled));
  const fs::path first = project->files.empty() ? fs::path("firn.yaml") : fs::path(project->files.front());
  request.name =
      arguments.Text("--name", project->pipelines.size() == 1 ? project->pipelines.front().name
                                                              : fs::path(project->folder).filename().string());
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  request.firn = arguments.Text("--firn", target->same_machine && !error ? self.string() : "firn");
  const std::string folder = target->folder != nullptr ? target->folder : project->folder + "/";
  request.config = arguments.Text("--project", folder + first.filename().string());
  request.environment = project->environment;
  request.image = arguments.Text("--image", kImageDefault);
  request.database = arguments.Text("--database", "lake");
  request.variables = VariablesOf(*project);
  if (!target->scheduled) ARROW_RETURN_NOT_OK(FillSchemas(app, &request));
  ARROW_ASSIGN_OR_RAISE(const auto files, target->make(request));
  if (arguments.Given("--output")) {
    ARROW_RETURN_NOT_OK(WriteFiles(app, arguments, files));
    return 0;
  }
  if (files.size() > 1) {
    return Refuse(wanted + " takes " + std::to_string(files.size()) + " files",
                  "firn generate " + wanted + " --output FOLDER");
  }
  ARROW_RETURN_NOT_OK(app.Print(files.front().text));
  return 0;
}

}  // namespace

std::vector<std::string> GenerateRequest::RunCommand(const GeneratedUnit& unit) const {
  std::vector<std::string> words = {firn, "run", "--config", config};
  if (!environment.empty()) words.insert(words.end(), {"--env", environment});
  for (const std::string& word : unit.select) words.insert(words.end(), {"--select", word});
  return words;
}

Command GenerateCommand() {
  return {
      .name = "generate",
      .reads_source = false,
      .reads_tables = true,
      .group = "Author",
      .summary = "write the files with which a scheduler runs the pipelines, or dbt reads the tables",
      .options = {{.name = "TARGET",
                   .kind = Option::Kind::kPositional,
                   .help = "what the file is for",
                   .required = true,
                   .choices = TargetNames()},
                  {.name = "--select", .kind = Option::Kind::kList, .help = "tables, pipelines, tag:x"},
                  {.name = "--exclude", .kind = Option::Kind::kList, .help = "the same, left out"},
                  {.name = "--schedule", .help = "of every pipeline, instead of its own: \"every 1h\" or a cron line"},
                  {.name = "--timezone", .help = "of the schedule (UTC)"},
                  {.name = "--output", .help = "folder for the files; else one file goes to stdout"},
                  {.name = "--force", .kind = Option::Kind::kFlag, .help = "overwrite files of another content"},
                  {.name = "--name", .help = "of the whole (the folder's, or that of the only pipeline)"},
                  {.name = "--firn", .help = "the program where it will run (firn)"},
                  {.name = "--project", .help = "path of the project file where it will run"},
                  {.name = "--image", .help = "of containers (firn:<version>)"},
                  {.name = "--database", .help = "of dbt sources: the name under which the lake is attached (lake)"}},
      .run = Generate};
}

}  // namespace firn::cli
