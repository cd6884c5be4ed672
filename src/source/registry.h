#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "source/source.h"

namespace firn::io {
class HttpClient;
class RateBudgets;
}  // namespace firn::io

namespace firn::source {

/// The pipeline whose source is asked for. Borrowed.
struct PipelineContext {
  const config::Project* project = nullptr;
  const config::PipelineConfig* pipeline = nullptr;
  config::Diagnostics* diagnostics = nullptr;  // gets every finding
};

/// What sources share in one process. Borrowed; outlives the sources.
struct Services {
  io::HttpClient* http = nullptr;
  io::RateBudgets* budgets = nullptr;
  const Clock* clock = nullptr;
};

/// A kind of source. Three phases, never mixed: Validate is pure and offline, Build makes the object without I/O,
/// opening splits may block.
struct SourceType {
  std::string name;  // the value of source.type
  std::function<Status(const PipelineContext&)> validate;
  std::function<Result<std::unique_ptr<Source>>(const PipelineContext&, const Services&)> build;
};

/// The kinds of sources of a process: an object made in main, filled by an explicit list (builtin.h); tests fill theirs
/// with fakes. Constant after filling.
class SourceRegistry {
 public:
  /// Errors: kBug if the name is taken.
  Status Add(SourceType type);
  /// Returns the type, or null. Borrowed.
  const SourceType* Find(std::string_view name) const;
  std::vector<std::string> names() const;

  /// Checks a pipeline's source / makes it. Errors: kConfig for a type that is not registered, and the type's own.
  Status Validate(const PipelineContext& context) const;
  Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) const;

 private:
  Result<const SourceType*> TypeOf(const config::PipelineConfig& pipeline) const;
  std::map<std::string, SourceType, std::less<>> types_;
};

/// Returns the registered name of a configured source ("rest").
std::string_view TypeNameOf(const config::SourceConfig& source);

}  // namespace firn::source
