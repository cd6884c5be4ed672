#include "cli/recording.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/fixed_clock.h"
#include "base/redactor.h"
#include "cli/app.h"
#include "config/diagnostic.h"
#include "config/interpolate.h"
#include "config/secret_names.h"
#include "config/yaml_tree.h"
#include "io/raw_key.h"
#include "io/recording_client.h"
#include "io/replaying_client.h"
#include "io/temporary_folder.h"
#include "io/url.h"
#include "pipeline/run_plan.h"
#include "pipeline/tape_scrub.h"
#include "pipeline/test_run.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPlainPartBytesMax = 16;  // a longer part of a path may be a secret, as in webhooks
constexpr size_t kDateBytes = 10;

// The part of the configuration that a pipeline's source and tables are made of. Where messages go is none of a test's
// business.
config::Node AskedOf(const config::Project& project, const std::string& pipeline) {
  const config::Node* pipelines = project.tree == nullptr ? nullptr : project.tree->Find("pipelines");
  const config::Node* node = pipelines == nullptr ? project.tree.get() : pipelines->Find(pipeline);
  if (node == nullptr) return {};
  config::Node asked = *node;
  std::erase_if(asked.entries, [](const config::Entry& entry) { return entry.key == "on"; });
  if (config::Node* tables = asked.Find("tables")) {
    for (config::Entry& table : tables->entries) {
      std::erase_if(table.value.entries, [](const config::Entry& entry) { return entry.key == "on"; });
    }
  }
  return asked;
}

// All its texts, of which requests may be made.
void AddTexts(const config::Node& node, std::vector<std::string>* texts) {
  if (!node.text.empty()) texts->push_back(node.text);
  for (const config::Node& item : node.items) AddTexts(item, texts);
  for (const config::Entry& entry : node.entries) {
    texts->push_back(entry.key);
    AddTexts(entry.value, texts);
  }
}

// The address of an API and a date are no secrets, even where the configuration takes all values for secrets.
bool IsPlain(const std::string& value) {
  const auto url = io::ParseUrl(value);
  if (url.ok()) {
    size_t part = 0;
    for (const char c : url->path_and_query) {
      part = c == '/' ? 0 : part + 1;
      if (part > kPlainPartBytesMax) return false;
    }
    return value.find_first_of("@?#") == std::string::npos;
  }
  return value.size() >= kDateBytes && ParseTimestamp(value.substr(0, kDateBytes) + "T00:00:00Z").ok() &&
         (value.size() == kDateBytes || ParseTimestamp(value).ok());
}

// Variables are called by what they hold: of a name with "key" in it that is a secret, whatever a column may be.
bool SoundsSecret(const std::string& name) {
  return config::LooksSecret(name) || AsciiLower(name).find("key") != std::string::npos;
}

// Tells what may be written from what may not.
void SortVariables(const std::map<std::string, std::string>& variables, pipeline::RecordedTest* test) {
  for (const auto& [name, value] : variables) {
    const bool hidden = ProcessRedactor().Redact(value) != value;
    if (SoundsSecret(name) || (hidden && !IsPlain(value))) {
      test->secrets.push_back(name);
      ProcessRedactor().AddSecret(value);  // also where no field says that it holds a secret
    } else {
      test->variables.emplace(name, value);
    }
  }
}

// One key for a project, so that recording again gives the same substitutes. It is no part of the tape.
Result<std::string> ScrubKeyOf(const config::Project& project) {
  ARROW_ASSIGN_OR_RAISE(const io::RawKey key, io::MakeRawKeyFile(project.state_folder + "/keys/tape.key"));
  return std::string(key.bytes.begin(), key.bytes.end());
}

// In a replay there is nobody to be waited for; a recording after it waits again. Made before threads of a run read the
// variable.
class WithoutWaits {
 public:
  WithoutWaits() {
    if (const char* scale = std::getenv(kVariable)) before_ = scale;
    ::setenv(kVariable, "0", 1);
  }
  ~WithoutWaits() {
    if (before_) ::setenv(kVariable, before_->c_str(), 1);
    if (!before_) ::unsetenv(kVariable);
  }
  WithoutWaits(const WithoutWaits&) = delete;
  WithoutWaits& operator=(const WithoutWaits&) = delete;

 private:
  static constexpr char kVariable[] = "FIRN_SLEEP_SCALE";
  std::optional<std::string> before_;
};

// A ${file:…} that is not there stands in requests as it is written; on the tape stands "***".
void HideUnresolved(const config::Node& node) {
  if (node.unresolved) ProcessRedactor().AddSecret(node.text);
  for (const config::Node& item : node.items) HideUnresolved(item);
  for (const config::Entry& entry : node.entries) HideUnresolved(entry.value);
}

// Loads the project as on a machine that has nothing but the test.
Result<config::Project> LoadFor(App& app, const pipeline::RecordedTest& test) {
  ARROW_ASSIGN_OR_RAISE(config::LoadOptions options, app.ProjectOptions());
  options.env = test.Environment();
  for (const std::string& secret : test.secrets) ProcessRedactor().AddSecret(options.env[secret]);
  options.environment = test.environment;
  options.resolve_secrets = false;
  config::Diagnostics diagnostics;
  auto project = config::LoadProject(options, &diagnostics);
  if (!project.ok()) app.Say(config::Render(diagnostics, {.color = app.color()}));
  if (project.ok() && project->tree != nullptr) HideUnresolved(*project->tree);
  return project;
}

Result<const config::PipelineConfig*> PipelineOf(const config::Project& project, const pipeline::RecordedTest& test) {
  const config::PipelineConfig* pipeline = project.FindPipeline(test.pipeline);
  if (pipeline != nullptr) return pipeline;
  return MakeError(Fault::kConfig, "the project has no pipeline " + test.pipeline,
                   {.code = "E0745",
                    .where = (test.folder / "test.json").string(),
                    .state = "nothing was run",
                    .next = "correct `pipeline` there, or remove the test"});
}

// Why a recording is of no use. What was recorded is not shown: it may be what could not be replaced.
Status NotReplayed(const Status& error) {
  const ErrorContext* context = ContextOf(error);
  if (context == nullptr || context->code != "E0740") {
    return WithContext(Within("the replay of what was recorded", error), {.state = "nothing was written"});
  }
  return MakeError(
      Fault::kConfig, "the replay of what was recorded: " + error.message(),
      {.code = "E0740",
       .why = "requests are made of a personal value shorter than six characters, which is replaced in its "
              "own place only, or of something that is another in each run",
       .state = "nothing was written",
       .next = "take another field as the key of requests, or leave the table out: firn record TABLE"});
}

}  // namespace

Result<fs::path> TestsFolder(App& app) {
  ARROW_ASSIGN_OR_RAISE(const config::Project project, LoadFor(app, {}));
  return fs::path(project.folder) / pipeline::kTestsFolder;
}

fs::path TestFolderOf(const fs::path& tests, const std::string& name) {
  return name.find('/') == std::string::npos ? tests / name : fs::absolute(name).lexically_normal();
}

Result<std::vector<RecordTarget>> RecordTargets(const config::Project& project, const std::vector<std::string>& words,
                                                const std::vector<std::string>& select) {
  std::vector<RecordTarget> targets;
  const fs::path tests = fs::path(project.folder) / pipeline::kTestsFolder;
  const auto add = [&](const std::vector<std::string>& selected, const std::string& name) -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(project, {.select = selected}));
    const size_t before = targets.size();
    for (const auto& group : groups) {
      if (targets.size() == before || targets.back().pipeline != group.pipeline) {
        targets.push_back({group.pipeline, {}, tests / (name.empty() ? group.pipeline->name : name)});
      }
      for (const auto* table : group.tables) targets.back().tables.push_back(table->name);
    }
    return Status::OK();
  };
  for (const std::string& word : words) {
    if (const auto* whole = project.FindPipeline(word)) {
      targets.push_back({whole, {}, tests / word});
    } else {
      ARROW_RETURN_NOT_OK(add({word}, word));
    }
  }
  if (!select.empty()) ARROW_RETURN_NOT_OK(add(select, ""));
  if (!words.empty() || !select.empty()) return targets;
  for (const auto& each : project.pipelines) {
    if (pipeline::CheckCanRecord(each).ok()) targets.push_back({&each, {}, tests / each.name});
  }
  return targets;
}

Result<std::vector<pipeline::TestedTable>> RecordTest(App& app, const config::Project& project,
                                                      const RecordRequest& request) {
  ARROW_RETURN_NOT_OK(pipeline::CheckCanRecord(request.pipeline));
  ARROW_RETURN_NOT_OK(pipeline::CheckIsTestOrNew(request.folder));
  pipeline::RecordedTest test{.folder = request.folder,
                              .pipeline = request.pipeline.name,
                              .tables = request.tables,
                              .pages_max = request.pages_max,
                              .recorded_at = app.clock().LogicalNow(),
                              .environment = project.environment};
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  ARROW_ASSIGN_OR_RAISE(state::SecretDocuments * secrets, app.Secrets());
  io::RecordingClient recorder(*http);
  const FixedClock clock(app.clock(), test.recorded_at);
  const io::TemporaryFolder lake, state;
  pipeline::TestRunRequest run{.project = project,
                               .pipeline = request.pipeline,
                               .tables = request.tables,
                               .excerpt = test.excerpt(),
                               .sources = app.sources(),
                               .http = recorder,
                               .clock = clock,
                               .lake = lake.path(),
                               .state = state.path(),
                               .memory_bytes = memory_bytes,
                               .threads = app.threads(),
                               .secrets_folder = project.state_folder + "/secrets",
                               .secrets = secrets};
  if (!project.state_location.empty()) {
    ARROW_ASSIGN_OR_RAISE(run.leases, app.Leases());
  }
  ARROW_RETURN_NOT_OK(RunForTest(run, app.stop()).status());
  const config::Node asked = AskedOf(project, request.pipeline.name);
  SortVariables(config::VariablesOf(asked), &test);
  pipeline::ScrubRules rules{.personal = pipeline::PersonalPathsOf(request.pipeline)};
  AddTexts(asked, &rules.configured);
  for (const auto& [name, value] : test.variables) {
    if (IsPlain(value)) rules.plain.push_back(value);
  }
  ARROW_ASSIGN_OR_RAISE(rules.key, ScrubKeyOf(project));
  ARROW_ASSIGN_OR_RAISE(const auto tape, pipeline::ScrubExchanges(recorder.Take(), rules));
  auto rows = ReplayTest(app, test, tape);
  if (!rows.ok()) return NotReplayed(rows.status());
  ARROW_RETURN_NOT_OK(io::WriteTape(test.tape(), tape));
  if (request.expect) ARROW_RETURN_NOT_OK(WriteExpected(test, *rows));
  ARROW_RETURN_NOT_OK(WriteTest(test));
  return rows;
}

Result<std::vector<pipeline::TestedTable>> ReplayTest(App& app, const pipeline::RecordedTest& test,
                                                      std::optional<std::vector<io::Exchange>> tape,
                                                      const std::string& lake) {
  const WithoutWaits without_waits;
  ARROW_ASSIGN_OR_RAISE(const config::Project project, LoadFor(app, test));
  ARROW_ASSIGN_OR_RAISE(const config::PipelineConfig* pipeline, PipelineOf(project, test));
  if (!tape) {
    ARROW_ASSIGN_OR_RAISE(tape, io::ReadTape(test.tape()));
  }
  io::ReplayingClient http(*std::move(tape));
  ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
  const FixedClock clock(app.clock(), test.recorded_at);
  const io::TemporaryFolder temporary, state;
  return pipeline::RunForTest({.project = project,
                               .pipeline = *pipeline,
                               .tables = test.tables,
                               .excerpt = test.excerpt(),
                               .sources = app.sources(),
                               .http = http,
                               .clock = clock,
                               .lake = lake.empty() ? temporary.path() : lake,
                               .state = state.path(),
                               .memory_bytes = memory_bytes,
                               .threads = app.threads()},
                              app.stop());
}

std::string CountsOf(const std::vector<pipeline::TestedTable>& tables) {
  size_t rows = 0;
  for (const auto& table : tables) rows += table.rows.size();
  return std::to_string(tables.size()) + (tables.size() == 1 ? " table, " : " tables, ") + std::to_string(rows) +
         (rows == 1 ? " row" : " rows");
}

}  // namespace firn::cli
