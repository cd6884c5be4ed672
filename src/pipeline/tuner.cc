#include "pipeline/tuner.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/log.h"
#include "io/file_store.h"
#include "io/http_client.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr int64_t kPageSizeFloor = 64;   // the smallest page is this part of the written one
constexpr int64_t kOverloadedPart = 10;  // one in so many requests had to be repeated
constexpr int64_t kThrottledPart = 20;   // one in so many was answered 429
constexpr int64_t kOftenMin = 3;         // and so many of a load that ended well
constexpr char kConcurrency[] = "concurrency";
constexpr char kPageSize[] = "page_size";

Json ToJson(const TunedSetting& setting) {
  return {{"value", setting.value}, {"failed", setting.failed}, {"clean_loads", setting.clean_loads}};
}

TunedSetting SettingOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object()) return {};
  const auto number = [&](const char* member) {
    const auto value = found->find(member);
    return value != found->end() && value->is_number_integer() ? std::max<int64_t>(0, value->get<int64_t>()) : 0;
  };
  return {.value = number("value"), .failed = number("failed"), .clean_loads = number("clean_loads")};
}

// Sizes that nobody is asked for cannot be tuned.
bool HasPageSize(const config::TableConfig& table) {
  return table.paginate.page_size.value_or(0) > 1;
}

void Decide(std::optional<TuningDecision> decision, const char* setting, TableResult* result) {
  if (!decision) return;
  decision->setting = setting;
  log::Info("setting tuned for the next run", {{"table", result->identifier},
                                               {"setting", decision->setting},
                                               {"from", decision->from},
                                               {"to", decision->to},
                                               {"reason", decision->reason}});
  result->tuning.push_back(*std::move(decision));
}

// Requests without an answer, or with one of status 5xx. What never left this machine says nothing of its size.
LoadPace PageSizePace(const TableResult& result) {
  const int64_t repeated = result.requests.num_retries - result.requests.num_throttled;
  if (result.error.ok()) {
    const bool often = repeated >= kOftenMin && repeated * kOverloadedPart > result.requests.num_requests;
    if (often) return LoadPace::kOverloaded;
    return repeated == 0 && result.requests.num_requests > 0 ? LoadPace::kClean : LoadPace::kUnclear;
  }
  const bool no_answer = FaultOf(result.error) == Fault::kUnreachable && !io::WasNotSent(result.error);
  return no_answer && repeated > 0 ? LoadPace::kOverloaded : LoadPace::kUnclear;
}

std::string PageSizeReason(const TableResult& result) {
  const int64_t repeated = result.requests.num_retries - result.requests.num_throttled;
  if (repeated == 0) return "all requests were answered";
  return std::to_string(repeated) + " of " + std::to_string(result.requests.num_requests) +
         " requests got no answer in time, or a 5xx";
}

}  // namespace

Tuner::Tuner(const RunContext& context, const std::vector<CommitGroup>& groups) : context_(context) {
  if (!context.options.tunes) return;
  for (const CommitGroup& group : groups) {
    const bool asks = std::holds_alternative<config::RestSourceConfig>(group.pipeline->source);
    if (asks && group.pipeline->tuning && !pipelines_.contains(group.pipeline)) {
      pipelines_.emplace(group.pipeline, Load(*group.pipeline));
    }
  }
}

Tuner::Pipeline Tuner::Load(const config::PipelineConfig& config) const {
  const std::string& remote = context_.project.state_location;
  Pipeline out;
  out.location = (remote.empty() ? context_.project.state_folder : remote) + "/tuning/" + config.name + ".json";
  out.tuned = std::make_unique<config::PipelineConfig>(config);
  const auto read = context_.files.Read(out.location);
  if (!read.ok()) return out;  // mostly there is none
  out.kept = (*read)->ToString();
  const Json json = Json::parse(out.kept, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("version", Json(0)) != Json(kVersion)) return out;
  out.concurrency = SettingOf(json, kConcurrency);
  auto& source = std::get<config::RestSourceConfig>(out.tuned->source);
  source.concurrency = out.concurrency.For(source.concurrency);
  const Json tables = json.value("tables", Json::object());
  for (config::TableConfig& table : out.tuned->tables) {
    const auto found = tables.find(table.name);
    if (found == tables.end() || !HasPageSize(table)) continue;
    const TunedSetting& setting = out.page_sizes[table.name] = SettingOf(*found, kPageSize);
    table.paginate.page_size = setting.For(*table.paginate.page_size);
  }
  return out;
}

const config::PipelineConfig& Tuner::Tuned(const config::PipelineConfig& pipeline) const {
  const MutexLock lock(mutex_);
  const auto found = pipelines_.find(&pipeline);
  return found == pipelines_.end() ? pipeline : *found->second.tuned;
}

void Tuner::Learn(const config::PipelineConfig& config, const config::TableConfig& table, TableResult* result) {
  const MutexLock lock(mutex_);
  const auto found = pipelines_.find(&config);
  if (found == pipelines_.end()) return;
  if (HasPageSize(table)) LearnPageSize(table, found->second, result);
  LearnConcurrency(config, found->second, result);
}

void Tuner::LearnPageSize(const config::TableConfig& table, Pipeline& pipeline, TableResult* result) {
  const int64_t written = *table.paginate.page_size;
  TunedSetting& setting = pipeline.page_sizes[table.name];
  const int64_t used = setting.For(written);
  const LoadPace pace = PageSizePace(*result);
  const std::string reason = PageSizeReason(*result);
  Decide(setting.Learn(pace, written, std::max<int64_t>(1, written / kPageSizeFloor), reason), kPageSize, result);
  if (pace == LoadPace::kOverloaded && setting.For(written) == used && !result->error.ok()) {
    result->findings.push_back(
        {.code = "E0628", .text = "page_size is down to " + std::to_string(used) + " and " + reason, .is_error = true});
  } else if (setting.is_tuned()) {
    result->findings.push_back({.code = "E0629",
                                .text = "page_size is " + std::to_string(setting.For(written)) + " instead of " +
                                        std::to_string(written) + " in the next run: " + reason});
  }
}

// A declared rate is kept by its spacing: refusals then say that the rate is wrong.
void Tuner::LearnConcurrency(const config::PipelineConfig& config, Pipeline& pipeline, TableResult* result) {
  const auto& source = std::get<config::RestSourceConfig>(config.source);
  pipeline.has_completed = pipeline.has_completed || result->error.ok();
  const source::ReadStats& requests = result->requests;
  const bool often =
      requests.num_throttled >= kOftenMin && requests.num_throttled * kThrottledPart > requests.num_requests;
  if (source.rate_limit || !often) return;
  if (std::exchange(pipeline.was_throttled, true)) return;  // once in a run
  Decide(pipeline.concurrency.Learn(LoadPace::kOverloaded, source.concurrency, 1,
                                    std::to_string(requests.num_throttled) + " of " +
                                        std::to_string(requests.num_requests) + " requests were answered 429"),
         kConcurrency, result);
}

void Tuner::Keep() {
  const MutexLock lock(mutex_);
  for (auto& [config, pipeline] : pipelines_) {
    const auto& source = std::get<config::RestSourceConfig>(config->source);
    if (pipeline.has_completed && !pipeline.was_throttled) {
      pipeline.concurrency.Learn(LoadPace::kClean, source.concurrency, 1, "");
    }
    Json json = {{"version", kVersion}, {kConcurrency, ToJson(pipeline.concurrency)}, {"tables", Json::object()}};
    bool differs = pipeline.concurrency != TunedSetting();
    for (const auto& [table, setting] : pipeline.page_sizes) {
      if (setting == TunedSetting()) continue;
      json["tables"][table] = {{kPageSize, ToJson(setting)}};
      differs = true;
    }
    const std::string text = json.dump(1) + "\n";
    if (text == pipeline.kept || (!differs && pipeline.kept.empty())) continue;
    const Status written = context_.files.WriteAtomic(pipeline.location, text);
    if (!written.ok()) log::Warn("tuned settings not kept", {{"reason", written.message()}});
  }
}

}  // namespace firn::pipeline
