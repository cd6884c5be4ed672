#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "io/exchange_tape.h"
#include "pipeline/test_folder.h"

/// Recording and replaying tests of the app's project; shared by record, replay, test and init.
namespace firn::cli {

class App;

/// The folder `tests` of the app's project, whose secrets need not be there. Errors: kConfig.
Result<std::filesystem::path> TestsFolder(App& app);

/// Says what a name means that a person gave to a test: a folder in `tests`, or a path.
std::filesystem::path TestFolderOf(const std::filesystem::path& tests, const std::string& name);

/// What a recording is asked for: one test for each.
struct RecordTarget {
  const config::PipelineConfig* pipeline = nullptr;
  std::vector<std::string> tables;  // empty: all
  std::filesystem::path folder;
};

/// Returns what each of `words` (a table or pipeline) and then all of `select` together (one test per pipeline) mean;
/// without any: every pipeline whose source can be recorded. Borrows from the project. Errors: kConfig E0230.
Result<std::vector<RecordTarget>> RecordTargets(const config::Project& project, const std::vector<std::string>& words,
                                                const std::vector<std::string>& select);

struct RecordRequest {
  const config::PipelineConfig& pipeline;  // of the app's project
  std::vector<std::string> tables;         // words of a selection; empty: all
  std::filesystem::path folder;
  int64_t pages_max = pipeline::kTestPagesDefault;
  bool expect = false;  // writes the expected rows, too
};

/// Reads the pipeline's API into a lake that is thrown away, takes secrets and personal data out of what was asked and
/// answered, runs the pipeline on that without a network, and writes the test only if this went well. Returns the rows
/// of the replay. Errors: those of the run; E0742–E0744 for what cannot be recorded; E0740 if the replay asks for
/// something else than the recording did.
Result<std::vector<pipeline::TestedTable>> RecordTest(App& app, const config::Project& project,
                                                      const RecordRequest& request);

/// Runs a test on its tape: the project is loaded with the test's variables, secrets are invented, the clock stands at
/// the recording, no wait is slept. `tape`: instead of what lies in the folder. `lake`: where the tables go; empty:
/// they are thrown away. Errors: kConfig with the diagnostics on stderr for a project that cannot be loaded; of the
/// run.
Result<std::vector<pipeline::TestedTable>> ReplayTest(App& app, const pipeline::RecordedTest& test,
                                                      std::optional<std::vector<io::Exchange>> tape = std::nullopt,
                                                      const std::string& lake = "");

/// "3 tables, 120 rows"
std::string CountsOf(const std::vector<pipeline::TestedTable>& tables);

}  // namespace firn::cli
