#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "source/excerpt.h"

/// Tests of pipelines as they lie in a project: `tests/<name>/` with test.json, tape/ (io/exchange_tape.h) and
/// expected/.
namespace firn::pipeline {

inline constexpr char kTestsFolder[] = "tests";
inline constexpr int64_t kTestPagesDefault = 3;
inline constexpr int64_t kTestChainsMax = 20;

/// What test.json says.
struct RecordedTest {
  std::filesystem::path folder;
  std::string pipeline;
  std::vector<std::string> tables;  // words of a selection; empty: all
  int64_t pages_max = kTestPagesDefault;
  Timestamp recorded_at;  // the logical now of every replay
  std::string environment;
  std::map<std::string, std::string> variables;  // of the environment, none secret: name, value
  std::vector<std::string> secrets;              // names of the others; replays give them invented values

  std::string name() const { return folder.filename().string(); }
  std::filesystem::path tape() const;
  source::Excerpt excerpt() const { return {.pages_max = pages_max, .chains_max = kTestChainsMax}; }
  /// The environment that the project is loaded with: nothing of the process's, so that a test means the same anywhere.
  std::map<std::string, std::string> Environment() const;
};

/// Errors: kConfig E0745 if there is no such test, or its test.json is broken or of a newer firn.
Result<RecordedTest> ReadTest(const std::filesystem::path& folder);
/// Errors: kConfig E0746 if the folder has files and is no test.
Status CheckIsTestOrNew(const std::filesystem::path& folder);
/// Writes test.json, which makes the folder a test: last of all that is in it. Errors: of the disk.
Status WriteTest(const RecordedTest& test);

/// Returns the folders with a test.json below `tests`, sorted; none if it is not there.
std::vector<std::filesystem::path> FindTests(const std::filesystem::path& tests);

/// The rows of a table, as a test keeps them.
struct TestedTable {
  std::string name;                                        // as in the project
  std::vector<std::pair<std::string, std::string>> types;  // column, type, in order; without system columns
  std::vector<std::string> key;                            // columns; empty: none
  std::vector<std::string> rows;                           // JSON objects, sorted
};

/// Reads and writes expected/<table>.ndjson and expected/<table>.types.json. Errors of reading: kConfig E0745.
Result<std::vector<TestedTable>> ReadExpected(const RecordedTest& test);
/// Replaces all of it.
Status WriteExpected(const RecordedTest& test, const std::vector<TestedTable>& tables);

}  // namespace firn::pipeline
