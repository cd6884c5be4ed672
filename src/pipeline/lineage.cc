#include "pipeline/lineage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/redactor.h"
#include "pipeline/run_plan.h"

namespace firn::pipeline {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kAnswerBytesMax = 64 << 10;

}  // namespace

void LineageEmitter::Begin(const std::string& run_id, const config::PipelineConfig& pipeline,
                           const config::TableConfig& table) {
  Send(LineageStart(SubjectOf(run_id, pipeline, table), clock_.Now()));
}

void LineageEmitter::End(const std::string& run_id, const config::PipelineConfig& pipeline,
                         const config::TableConfig& table, const TableResult& result, catalog::Catalog& catalog) {
  std::shared_ptr<const table::TableMetadata> metadata;
  if (result.num_commits > 0) {
    const auto loaded = catalog.LoadTable(IdentifierOf(pipeline, table));
    if (loaded.ok() && *loaded) metadata = (*loaded)->metadata;
  }
  Send(LineageEnd(SubjectOf(run_id, pipeline, table), result, metadata.get(), clock_.Now()));
}

void LineageEmitter::Send(const std::string& event) {
  const MutexLock lock(mutex_);
  const auto begin = clock_.Steady();
  const Status sent = Deliver(event);
  spent_ += clock_.Steady() - begin;
  if (!sent.ok()) log::Warn("lineage event not delivered", {{"reason", ProcessRedactor().Redact(sent.message())}});
}

Status LineageEmitter::Deliver(const std::string& event) {
  if (!settings_.file.empty()) ARROW_RETURN_NOT_OK(Append(event));
  if (settings_.url.empty()) return Status::OK();
  const auto left = std::chrono::duration_cast<milliseconds>(kAllEventsMax - spent_);
  if (left.count() <= 0) return MakeError(Fault::kTransient, "not tried: those before it took half a minute");
  return Post(event, std::min<milliseconds>(left, kOneEventMax));
}

Status LineageEmitter::Post(const std::string& event, milliseconds limit) const {
  io::HttpRequest request{.method = "POST", .url = settings_.url, .body = event};
  request.headers.Set("Content-Type", "application/json");
  if (!settings_.api_key.empty()) request.headers.Set("Authorization", "Bearer " + settings_.api_key);
  request.timeouts = {.connect = limit, .first_byte = limit, .idle = limit, .total = limit};
  request.body_bytes_max = kAnswerBytesMax;
  request.follow_redirects = false;
  request.repeatable = false;
  const auto response = http_.SendAsync(std::move(request))->Wait({});
  ARROW_RETURN_NOT_OK(response.status());
  if (response->status / 100 == 2) return Status::OK();
  return MakeError(Fault::kConfig, "the lineage server answered " + std::to_string(response->status));
}

// One write for the whole line: several processes may append to the file.
Status LineageEmitter::Append(const std::string& event) const {
  const auto failed = [&](const char* what) {
    return MakeError(Fault::kConfig, settings_.file + ": " + what + ": " + std::strerror(errno));
  };
  const int file = ::open(settings_.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return failed("cannot be opened");
  const std::string line = event + "\n";
  const bool whole = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const Status status = whole ? Status::OK() : failed("not written whole");
  ::close(file);
  return status;
}

}  // namespace firn::pipeline
