#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/error_text.h"
#include "cli/recording.h"
#include "pipeline/row_comparison.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kDifferencesShown = 20;

struct Outcome {
  std::string name;
  std::vector<pipeline::TestedTable> tables;
  std::vector<pipeline::RowDifference> differences;
  bool updated = false;
  Status error;  // the test could not be run to its end

  bool passed() const { return error.ok() && (differences.empty() || updated); }
};

Json JsonOf(const Outcome& outcome) {
  Json differences = Json::array();
  for (const auto& each : outcome.differences) {
    differences.push_back({{"table", each.table},
                           {"row", each.row},
                           {"column", each.column},
                           {"expected", each.expected},
                           {"got", each.got}});
  }
  size_t rows = 0;
  for (const auto& table : outcome.tables) rows += table.rows.size();
  return {{"name", outcome.name},
          {"state", !outcome.passed() ? "failed"
                    : outcome.updated ? "updated"
                                      : "ok"},
          {"tables", outcome.tables.size()},
          {"rows", rows},
          {"differences", std::move(differences)},
          {"error", outcome.error.ok() ? Json() : Json(ErrorText(outcome.error))}};
}

std::string TextOf(const Outcome& outcome) {
  const char* state = !outcome.passed() ? "FAILED   " : outcome.updated ? "updated  " : "ok       ";
  std::string text = state + outcome.name;
  if (!outcome.error.ok()) return text + "\n" + ErrorText(outcome.error);
  text += "  " + CountsOf(outcome.tables);
  if (!outcome.differences.empty()) text += ", " + std::to_string(outcome.differences.size()) + " differences";
  text += "\n";
  for (size_t i = 0; i < std::min(outcome.differences.size(), kDifferencesShown); ++i) {
    text += "  " + ToText(outcome.differences[i]) + "\n";
  }
  const size_t more = outcome.differences.size() - std::min(outcome.differences.size(), kDifferencesShown);
  return more == 0 ? text : text + "  … and " + std::to_string(more) + " more\n";
}

class Tests {
 public:
  Tests(App& app, const Arguments& arguments) : app_(app), arguments_(arguments), names_(arguments.All("NAME")) {}

  Result<int> Run() {
    ARROW_ASSIGN_OR_RAISE(tests_, TestsFolder(app_));
    std::vector<fs::path> folders = pipeline::FindTests(tests_);
    if (arguments_.Flag("--record")) {
      ARROW_ASSIGN_OR_RAISE(folders, Record(folders));
    } else if (!names_.empty()) {
      folders.clear();
      for (const std::string& name : names_) folders.push_back(TestFolderOf(tests_, name));
    }
    bool passed = true;
    Json all = Json::array();
    for (const fs::path& folder : folders) {
      const Outcome outcome = RunOne(folder);
      if (!outcome.error.ok() && FaultOf(outcome.error) == Fault::kCancelled) return outcome.error;
      passed = passed && outcome.passed();
      all.push_back(JsonOf(outcome));
      if (!arguments_.Flag("--json")) ARROW_RETURN_NOT_OK(app_.Print(TextOf(outcome)));
    }
    if (arguments_.Flag("--json")) ARROW_RETURN_NOT_OK(app_.Print(Json{{"tests", all}}.dump() + "\n"));
    if (folders.empty()) app_.Say("there are no tests in " + tests_.string() + "\n");
    if (folders.empty()) app_.Next("firn test --record");
    if (!passed) app_.Next("correct the project; or, if the rows are right now: firn test --update");
    return passed ? 0 : 1;
  }

 private:
  // Existing tests by their names, else tables and pipelines; without names all tests, of a project without any one
  // for each pipeline. Returns the folders written.
  Result<std::vector<fs::path>> Record(const std::vector<fs::path>& known) {
    if (arguments_.Integer("--max-pages").value_or(1) < 1) {
      return MakeError(Fault::kConfig, "--max-pages wants a number from 1 on", {.state = "nothing was recorded"});
    }
    ARROW_ASSIGN_OR_RAISE(const config::Project* project, app_.Project());
    std::vector<fs::path> again = names_.empty() ? known : std::vector<fs::path>();
    std::vector<std::string> words;
    for (const std::string& name : names_) {
      const fs::path folder = TestFolderOf(tests_, name);
      // One that cannot be read is recorded as if it were new.
      const bool is_test = std::ranges::find(known, folder) != known.end() && pipeline::ReadTest(folder).ok();
      if (is_test) again.push_back(folder);
      if (!is_test) words.push_back(name);
    }
    std::vector<fs::path> written;
    for (const fs::path& folder : again) {
      ARROW_ASSIGN_OR_RAISE(const auto test, pipeline::ReadTest(folder));
      const auto* source = project->FindPipeline(test.pipeline);
      if (source == nullptr) {
        return MakeError(Fault::kConfig, "the project has no pipeline " + test.pipeline,
                         {.code = "E0745", .where = (folder / "test.json").string(), .state = "nothing was recorded"});
      }
      ARROW_RETURN_NOT_OK(RecordOne(*project, {source, test.tables, folder}, test.pages_max));
      written.push_back(folder);
    }
    if (!again.empty() && words.empty()) return written;
    ARROW_ASSIGN_OR_RAISE(const auto targets, RecordTargets(*project, words, {}));
    for (const RecordTarget& target : targets) {
      ARROW_RETURN_NOT_OK(RecordOne(*project, target, pipeline::kTestPagesDefault));
      written.push_back(target.folder);
    }
    return written;
  }

  Status RecordOne(const config::Project& project, const RecordTarget& target, int64_t pages_max) {
    const RecordRequest request{.pipeline = *target.pipeline,
                                .tables = target.tables,
                                .folder = target.folder,
                                .pages_max = arguments_.Integer("--max-pages").value_or(pages_max),
                                .expect = true};
    return RecordTest(app_, project, request).status();
  }

  Outcome RunOne(const fs::path& folder) const {
    Outcome outcome{.name = folder.filename().string()};
    outcome.error = Compare(folder, &outcome);
    return outcome;
  }

  Status Compare(const fs::path& folder, Outcome* outcome) const {
    ARROW_ASSIGN_OR_RAISE(const auto test, pipeline::ReadTest(folder));
    ARROW_ASSIGN_OR_RAISE(outcome->tables, ReplayTest(app_, test));
    ARROW_ASSIGN_OR_RAISE(const auto expected, pipeline::ReadExpected(test));
    outcome->differences = pipeline::CompareTables(expected, outcome->tables);
    outcome->updated = arguments_.Flag("--update") && !outcome->differences.empty();
    return outcome->updated ? WriteExpected(test, outcome->tables) : Status::OK();
  }

  App& app_;
  const Arguments& arguments_;
  const std::vector<std::string>& names_;
  fs::path tests_;
};

}  // namespace

Command TestCommand() {
  return {.name = "test",
          .group = "Test",
          .summary = "run pipelines on recorded answers, offline, and compare their rows with those expected",
          .options = {{.name = "NAME",
                       .kind = Option::Kind::kPositionals,
                       .help = "tests of the project (default all); with --record also tables and pipelines"},
                      {.name = "--record",
                       .kind = Option::Kind::kFlag,
                       .help = "ask the API first, and take the rows that come as those expected"},
                      {.name = "--update",
                       .kind = Option::Kind::kFlag,
                       .help = "take the rows that come from the tape as those expected"},
                      {.name = "--max-pages",
                       .kind = Option::Kind::kInteger,
                       .help = "with --record: pages of each chain of requests"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "one object on stdout"}},
          .run = [](App& app, const Arguments& arguments) { return Tests(app, arguments).Run(); }};
}

}  // namespace firn::cli
