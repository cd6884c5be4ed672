#include "source/files/type.h"

#include <utility>

#include "config/diagnostic.h"
#include "format/json/page.h"
#include "io/file_store.h"
#include "source/files/file_list.h"
#include "source/files/glob.h"
#include "source/files/row_source.h"
#include "source/files/source.h"

namespace firn::source::files {
namespace {

const config::FilesSourceConfig& ConfigOf(const config::PipelineConfig& pipeline) {
  return std::get<config::FilesSourceConfig>(pipeline.source);
}

Status Validate(const PipelineContext& context) {
  for (const config::TableConfig& table : context.pipeline->tables) {
    const Status sound = CheckCsv(table.files.csv);
    if (!sound.ok()) return WithContext(sound, {.where = context.project->WhereIs(table.config_path + ".csv")});
    for (const std::string& pattern : table.files.patterns) {
      const Status parsed = Glob::Parse(pattern).status();
      if (!parsed.ok()) return WithContext(parsed, {.where = context.project->WhereIs(table.config_path + ".path")});
    }
  }
  return Status::OK();
}

Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) {
  ARROW_RETURN_NOT_OK(Validate(context));
  const config::FilesSourceConfig& config = ConfigOf(*context.pipeline);
  FilesOptions options{.location = config.location,
                       .store = services.open_files(config.storage),
                       .clock = services.clock,
                       .pool = services.pool};
  if (services.memory_bytes > 0) options.memory_bytes = services.memory_bytes;
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

Result<std::string> Probe(const PipelineContext& context, const Services& services, std::stop_token) {
  ARROW_RETURN_NOT_OK(Validate(context));
  const config::FilesSourceConfig& config = ConfigOf(*context.pipeline);
  const auto store = services.open_files(config.storage);
  const FilePlace place{.store = store.get(), .location = config.location};
  std::string text = config.location;
  for (const config::TableConfig& table : context.pipeline->tables) {
    std::vector<Glob> globs;
    for (const std::string& pattern : table.files.patterns) {
      ARROW_ASSIGN_OR_RAISE(auto glob, Glob::Parse(pattern));
      globs.push_back(std::move(glob));
    }
    ARROW_ASSIGN_OR_RAISE(const auto found, FindFiles(place, globs));
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

SourceType Type() {
  SourceType type{.name = "files"};
  type.validate = Validate;
  type.build = Build;
  type.identity = Identity;
  type.probe = Probe;
  type.describe = Describe;
  type.why_no_replay = "its source is files, which are the raw data: nothing is archived of them";
  return type;
}

}  // namespace firn::source::files
