#include "source/process/type.h"

#include "base/hash.h"
#include "source/process/source.h"

namespace firn::source::process {
namespace {

const config::ProcessSourceConfig& ConfigOf(const config::PipelineConfig& pipeline) {
  return std::get<config::ProcessSourceConfig>(pipeline.source);
}

Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) {
  ProcessOptions options{.config = ConfigOf(*context.pipeline),
                         .pipeline = context.pipeline->name,
                         .clock = services.clock,
                         .kept = services.refresh_tokens,
                         .pool = services.pool};
  for (const config::TableConfig& table : context.pipeline->tables) {
    options.tables.push_back({.name = table.name,
                              .stream = table.stream.empty() ? table.name : table.stream,
                              .primary_key = table.primary_key,
                              .goes_on = table.write_disposition != config::WriteDisposition::kReplace,
                              .appends = table.write_disposition == config::WriteDisposition::kAppend});
  }
  return MakeProcessSource(std::move(options));
}

// A state means something to the program that printed it; what it is configured with may change (tokens do).
std::string Identity(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  std::string text = "process\n";
  for (const std::string& word : ConfigOf(pipeline).command) text += word + "\n";
  return text + (table.stream.empty() ? table.name : table.stream) + "\n";
}

Result<std::vector<ReadingNote>> Describe(const PipelineContext& context, const config::TableConfig& table,
                                          const Batch&, const io::HttpHeaders*) {
  const auto protocol = ConfigOf(*context.pipeline).protocol;
  const char* const name = protocol == config::ProcessProtocol::kNdjson   ? "ndjson"
                           : protocol == config::ProcessProtocol::kSinger ? "singer"
                                                                          : "airbyte";
  return std::vector<ReadingNote>{{"protocol", name, "declared"},
                                  {"stream", table.stream.empty() ? table.name : table.stream,
                                   table.stream.empty() ? "the table's name" : "declared"}};
}

}  // namespace

SourceType Type() {
  SourceType type{.name = "process"};
  type.validate = [](const PipelineContext&) { return Status::OK(); };
  type.build = Build;
  type.identity = Identity;
  type.probe = [](const PipelineContext& context, const Services& services, std::stop_token stop) {
    return ProbeProcess(ConfigOf(*context.pipeline), *services.clock, stop);
  };
  type.describe = Describe;
  type.why_no_replay = "its source is a program, and nothing is archived of what programs print";
  return type;
}

}  // namespace firn::source::process
