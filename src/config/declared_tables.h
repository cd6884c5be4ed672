#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace firn::config {

class Checker;
struct Node;

/// A stream as a connector's manifest declares it.
struct DeclaredStream {
  std::string name;
  std::vector<std::string> primary_key;  // fields of its rows; empty: none
  std::string why_not;                   // what of it this build cannot run; empty: nothing
};

/// A setting that does not fit what a connector's manifest says of it.
struct SettingProblem {
  enum class Kind { kMissing, kUnfit, kDoubtful };  // kDoubtful: it runs
  Kind kind = Kind::kUnfit;
  std::vector<std::string> path;  // names, and numbers of items from 0; of kMissing where it should be
  std::string what;               // "must be one of `a`, `b`"; of kMissing the name alone
  std::string help;               // may be empty
};

/// What a connector's manifest says of itself.
struct ConnectorDeclaration {
  std::vector<DeclaredStream> streams;
  bool names_all = true;  // false: the API names more
  /// Judges the settings, a JSON object; null: the manifest says nothing of them.
  std::function<std::vector<SettingProblem>(const std::string& config_json)> check_settings;
};

/// Returns the table's name of a stream: what no table may have in its name becomes `_`.
std::string TableNameOf(const std::string& stream);

/// Reads what the manifest at an absolute path declares. Errors: kConfig.
using DeclarationOf = std::function<Result<ConnectorDeclaration>(const std::string& path)>;

/// Completes the pipelines of `type: airbyte` in a project's tree before it is checked: a pipeline without `tables`
/// gets one per stream that can be run, a table without `primary_key` the stream's. What is written wins. Errors: E0502
/// for a manifest that cannot be read and a setting that is missing, E0993 for one that does not fit, E0503 for a table
/// whose stream is not in it or cannot be run.
void AddDeclaredTables(Node* root, const std::string& folder, const DeclarationOf& declaration_of, Checker* checker);

}  // namespace firn::config
