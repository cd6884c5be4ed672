#include "pipeline/quarantine_staging.h"

#include "base/log.h"

namespace firn::pipeline {

void QuarantineStaging::Collect(const catalog::TableIdentifier& identifier) {
  {
    MutexLock lock(mutex_);
    if (!collected_.insert(identifier).second) return;
  }
  const auto load = [&] { return context_.catalog.LoadTable(identifier); };
  const auto loaded = load();
  const std::string location =
      loaded.ok() && loaded->has_value() ? (*loaded)->metadata->location : context_.catalog.DefaultLocation(identifier);
  const auto garbage = table::CollectGarbage(context_.files, location, load, context_.clock,
                                             table::GarbageOptions::For(context_.catalog.traits()));
  if (!garbage.ok()) {
    log::Warn("files of earlier runs not collected",
              {{"table", identifier.ToString()}, {"reason", garbage.status().message()}});
  } else if (!garbage->files.empty()) {
    log::Info("files of earlier runs removed", {{"table", identifier.ToString()}, {"files", garbage->files.size()}});
  }
}

// Under the lock, although it writes: a second group must not go on before the record is durable.
Status QuarantineStaging::Begin(const std::string& location) {
  MutexLock lock(mutex_);
  if (records_.contains(location)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto record,
                        table::StagingRecord::Begin(context_.files, location, context_.run_id, context_.clock));
  records_.emplace(location, std::move(record));
  return Status::OK();
}

void QuarantineStaging::Keep(const std::string& location) {
  MutexLock lock(mutex_);
  kept_.insert(location);
}

Status QuarantineStaging::End() {
  MutexLock lock(mutex_);
  for (auto& [location, record] : records_) {
    if (!kept_.contains(location)) ARROW_RETURN_NOT_OK(record.End());
  }
  records_.clear();
  return Status::OK();
}

}  // namespace firn::pipeline
