#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::cli {

class App;

/// One option or positional of a command. From these come parsing, help, completion and the reference.
struct Option {
  enum class Kind { kFlag, kText, kInteger, kList, kPositional, kPositionals };
  std::string name;  // "--select" or, for positionals, "TABLE"
  Kind kind = Kind::kText;
  std::string help;
  bool required = false;
  std::vector<std::string> choices;  // kText: allowed values; empty: any
  std::string alias = {};            // kFlag: "-f"; empty: none
};

/// What was given, by option name.
class Arguments {
 public:
  bool Flag(std::string_view name) const { return !All(name).empty(); }
  std::string Text(std::string_view name, std::string otherwise = "") const;
  std::optional<std::string> Given(std::string_view name) const;
  std::optional<int64_t> Integer(std::string_view name) const;
  const std::vector<std::string>& All(std::string_view name) const;
  void Add(const std::string& name, std::vector<std::string> values) { values_[name] = std::move(values); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// A command: "run", "table metadata". `run` returns the exit code, or an error that is printed and turned into one.
struct Command {
  std::string name;
  bool reads_source = true;   // false: variables of sources need not be set
  bool reads_tables = false;  // true: it only reads tables, so that it may read those of another lake
  std::string group;          // heading in the help
  std::string summary;
  std::vector<Option> options;
  std::function<Result<int>(App&, const Arguments&)> run;
};

/// All commands of this build, in the order of the help: an explicit list, one line per command file.
std::vector<Command> AllCommands();

}  // namespace firn::cli
