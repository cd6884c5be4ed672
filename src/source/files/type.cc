#include "source/files/type.h"

#include <algorithm>
#include <utility>

#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "format/json/page.h"
#include "io/file_store.h"
#include "io/http_file_store.h"
#include "source/files/file_list.h"
#include "source/files/file_patterns.h"
#include "source/files/row_source.h"
#include "source/files/source.h"
#include "source/format_cutter.h"
#include "source/http_auth.h"

namespace firn::source::files {
namespace {

constexpr int kFetchThreads = 8;  // of an object store, where a small file is little but waiting

const config::FilesSourceConfig& ConfigOf(const config::PipelineConfig& pipeline) {
  return std::get<config::FilesSourceConfig>(pipeline.source);
}

// What lies behind a URL cannot be listed.
Status CheckUrls(const PipelineContext& context, const config::TableConfig& table, const FilePatterns& patterns) {
  if (!io::IsHttpLocation(ConfigOf(*context.pipeline).location)) return Status::OK();
  if (std::ranges::none_of(patterns.globs(), [](const Glob& glob) { return glob.literal().empty(); })) {
    return Status::OK();
  }
  return MakeError(
      Fault::kConfig, "the files of table " + table.name + " have no exact paths",
      {.code = "E0497",
       .where = context.project->WhereIs(table.config_path + ".path"),
       .why = "what lies behind a URL cannot be listed, so wildcards find nothing",
       .next = "name each file: `path: [2024/orders.csv, 2025/orders.csv]`; keys of a query go into `auth:`"});
}

Status Validate(const PipelineContext& context) {
  for (const config::TableConfig& table : context.pipeline->tables) {
    const Status sound = CheckCsv(table.files.csv);
    if (!sound.ok()) return WithContext(sound, {.where = context.project->WhereIs(table.config_path + ".csv")});
    const auto parsed = FilePatterns::Parse(table.files.patterns);
    if (!parsed.ok())
      return WithContext(parsed.status(), {.where = context.project->WhereIs(table.config_path + ".path")});
    ARROW_RETURN_NOT_OK(CheckUrls(context, table, *parsed));
  }
  return Status::OK();
}

Result<std::shared_ptr<io::FileStore>> OpenStore(const PipelineContext& context, const Services& services,
                                                 std::stop_token stop) {
  const config::FilesSourceConfig& config = ConfigOf(*context.pipeline);
  if (!io::IsHttpLocation(config.location)) return services.open_files(config.storage);
  const std::string where = context.project->WhereIs(context.pipeline->config_path + ".source.auth");
  io::HttpFilesOptions options{.client = services.http, .clock = services.clock, .stop = std::move(stop)};
  ARROW_ASSIGN_OR_RAISE(options.authorizer, MakeAuthorizer(connector::LowerAuth(config.auth, where), config.location,
                                                           *services.http, *services.clock, services.refresh_tokens));
  for (const auto& [name, value] : config.headers) options.headers.Set(name, value);
  constexpr int64_t kWholeShare = 4;
  if (services.memory_bytes > 0) options.whole_bytes_max = services.memory_bytes / kWholeShare;
  return io::MakeHttpFileStore(std::move(options));
}

Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services, std::stop_token stop) {
  ARROW_RETURN_NOT_OK(Validate(context));
  const config::FilesSourceConfig& config = ConfigOf(*context.pipeline);
  ARROW_ASSIGN_OR_RAISE(auto store, OpenStore(context, services, std::move(stop)));
  FilesOptions options{
      .location = config.location, .store = std::move(store), .clock = services.clock, .pool = services.pool};
  if (services.memory_bytes > 0) options.memory_bytes = services.memory_bytes;
  if (io::IsObjectLocation(config.location)) options.fetch_threads = kFetchThreads;
  for (const config::TableConfig& table : context.pipeline->tables) {
    options.tables.push_back({.name = table.name,
                              .files = table.files,
                              .records = table.records,
                              .primary_key = table.primary_key,
                              .merges = table.write_disposition == config::WriteDisposition::kMerge});
  }
  return MakeFilesSource(std::move(options));
}

// Patterns may be widened and formats told without loading anything twice: what was loaded is known by its content.
std::string Identity(const config::PipelineConfig& pipeline, const config::TableConfig&) {
  return "files\n" + ConfigOf(pipeline).location + "\n";
}

Result<std::string> Probe(const PipelineContext& context, const Services& services, std::stop_token stop) {
  ARROW_RETURN_NOT_OK(Validate(context));
  const config::FilesSourceConfig& config = ConfigOf(*context.pipeline);
  ARROW_ASSIGN_OR_RAISE(const auto store, OpenStore(context, services, std::move(stop)));
  const FilePlace place{.store = store.get(), .location = config.location};
  std::string text = config.location;
  for (const config::TableConfig& table : context.pipeline->tables) {
    ARROW_ASSIGN_OR_RAISE(const FilePatterns patterns, FilePatterns::Parse(table.files.patterns));
    ARROW_ASSIGN_OR_RAISE(const auto found, FindFiles(place, patterns.globs()));
    text += ", " + table.name + ": " + std::to_string(found.size()) + (found.size() == 1 ? " file" : " files");
  }
  return text;
}

Result<std::vector<ReadingNote>> Describe(const PipelineContext&, const config::TableConfig& table, const Batch& first,
                                          const io::HttpHeaders*) {
  std::vector<ReadingNote> notes;
  if (first.origin != nullptr) notes.push_back({"file", first.origin->file, "the first one that is read"});
  if (const auto* rows = std::get_if<JsonRows>(&first.rows); rows != nullptr && !rows->page->is_lines()) {
    const std::string& path = rows->page->records_path();
    notes.push_back({"records", path.empty() ? "the document itself" : path,
                     table.records == "auto" ? "found in the document" : "declared"});
  }
  return notes;
}

}  // namespace

SourceType Type(const std::stop_token& stop) {
  SourceType type{.name = "files"};
  type.validate = Validate;
  type.build = [stop](const PipelineContext& context, const Services& services) {
    return Build(context, services, stop);
  };
  type.identity = Identity;
  type.probe = Probe;
  type.describe = Describe;
  type.why_no_replay = "its source is files, which are the raw data: nothing is archived of them";
  return type;
}

}  // namespace firn::source::files
