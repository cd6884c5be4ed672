#include "source/airbyte/type.h"

#include "source/airbyte/table_source.h"

namespace firn::source::airbyte {
namespace {

const std::string& StreamOf(const config::TableConfig& table) {
  return table.stream.empty() ? table.name : table.stream;
}

TableSourceOptions OptionsOf(const PipelineContext& context, const Services& services) {
  TableSourceOptions options{.config = std::get<config::AirbyteSourceConfig>(context.pipeline->source),
                             .pipeline = context.pipeline->name,
                             .tables = {},
                             .clock = services.clock,
                             .http = services.http,
                             .kept = services.refresh_tokens,
                             .pool = services.pool,
                             .excerpt = services.excerpt};
  for (const config::TableConfig& table : context.pipeline->tables) {
    options.tables.push_back({.name = table.name,
                              .stream = StreamOf(table),
                              .primary_key = table.primary_key,
                              .goes_on = table.write_disposition != config::WriteDisposition::kReplace,
                              .appends = table.write_disposition == config::WriteDisposition::kAppend});
  }
  return options;
}

Result<std::vector<ReadingNote>> Describe(const PipelineContext&, const config::TableConfig& table, const Batch&,
                                          const io::HttpHeaders*) {
  return std::vector<ReadingNote>{{"stream", StreamOf(table), table.stream.empty() ? "the table's name" : "declared"}};
}

}  // namespace

SourceType Type() {
  SourceType type{.name = "airbyte"};
  type.validate = [](const PipelineContext&) { return Status::OK(); };  // the manifest completes the configuration
  type.build = [](const PipelineContext& context, const Services& services) -> Result<std::unique_ptr<Source>> {
    return MakeTableSource(OptionsOf(context, services));
  };
  // Newer manifests of a connector take the states of older ones, and renewed credentials mean the same account.
  type.identity = [](const config::PipelineConfig& pipeline, const config::TableConfig& table) {
    const auto& source = std::get<config::AirbyteSourceConfig>(pipeline.source);
    return "airbyte\n" + StreamOf(table) + "\n" + source.written_json + "\n";
  };
  type.probe = [](const PipelineContext& context, const Services& services, std::stop_token stop) {
    return CheckConnection(OptionsOf(context, services), std::move(stop));
  };
  type.describe = Describe;
  type.why_no_replay = "its source is a connector, and nothing is archived of what connectors read";
  return type;
}

}  // namespace firn::source::airbyte
