#include "config/files_lowering.h"

#include <algorithm>

#include "config/fields.h"
#include "config/file_form.h"
#include "config/storage_config.h"
#include "config/text_position.h"
#include "io/http_file_store.h"
#include "io/object_location.h"
#include "io/url.h"

namespace firn::config {
namespace {

void JudgePattern(const std::string& pattern, const std::string& at, const LoweringContext& context) {
  const auto refuse = [&](const std::string& what, const std::string& help) {
    context.Error("E0497", at, what).help = help;
  };
  if (pattern.empty()) return refuse("the path is empty", "write a pattern like `orders/*.csv`");
  if (pattern.starts_with("/") || pattern.find("://") != std::string::npos) {
    return refuse("`" + Shown(pattern) + "` is not a path below the location",
                  "put the folder into `location:` of the source, and the rest here");
  }
  if (("/" + pattern + "/").find("/../") != std::string::npos) {
    return refuse("`" + Shown(pattern) + "` leaves the location", "choose a `location:` above all files");
  }
}

// `file_changes: replace` is a merge that replaces all rows of a file.
void LowerChanges(const ObjectView& table, const LoweringContext& context, TableConfig* out) {
  const std::string changes = table.Text("file_changes");
  const bool merges = out->write_disposition == WriteDisposition::kMerge;
  out->files.changes = changes == "append"    ? FileChanges::kAppend
                       : changes == "replace" ? FileChanges::kReplace
                       : changes == "fail"    ? FileChanges::kFail
                       : merges               ? FileChanges::kAppend
                                              : FileChanges::kFail;
  if (changes.empty() && out->write_disposition != WriteDisposition::kReplace) {
    out->choices.push_back({"file_changes", merges ? "append" : "fail",
                            merges ? "a primary_key updates the rows" : "rows of a changed file would be there twice"});
  }
  const std::string at = out->config_path + ".file_changes";
  if (changes.empty()) return;
  if (out->write_disposition == WriteDisposition::kReplace) {
    context.Error("E0497", at, "`file_changes` has no meaning when each run replaces the table").help =
        "write `write_disposition: append`, or remove `file_changes`";
  }
  if (out->files.changes != FileChanges::kReplace) return;
  if (merges) {
    context.Error("E0497", at, "rows cannot be replaced both by key and by file").help =
        "remove `primary_key` and `write_disposition: merge`, or write `file_changes: append`";
  } else if (!out->files.file_column) {
    context.Error("E0497", at, "`file_changes: replace` finds rows by the column `_file`").help =
        "add `_file` to `file_columns`";
  } else {
    out->write_disposition = WriteDisposition::kMerge;
    out->merge.strategy = MergeStrategy::kDeleteInsert;
    out->merge.merge_key = {kFileColumn};
    out->files.same_content_once = false;
    out->choices.push_back(
        {"same_content", "each",
         "`file_changes: replace` goes by names: a renamed or copied file is loaded again, and rows of "
         "the old name stay"});
  }
}

// Keys in URLs end up in logs, and in the column `_file`.
void JudgeUrl(const std::string& url, const std::string& at, const LoweringContext& context) {
  const Status parsed = io::ParseUrl(url).status();
  const size_t host = url.find("://") + 3;
  const bool has_user = url.substr(host, url.find('/', host) - host).find('@') != std::string::npos;
  if (!parsed.ok()) {
    context.Error("E0497", at, parsed.message());
  } else if (has_user || url.find_first_of("?#") != std::string::npos) {
    context.Error("E0497", at, "the URL holds more than a host and a path").help =
        "write users and keys into `auth:`, for example `auth: {type: api_key, in: query, name: key, value: …}`";
  }
}

}  // namespace

FilesSourceConfig LowerFilesSource(const ObjectView& source, const std::string& path, const LoweringContext& context) {
  FilesSourceConfig out{.location = source.Text("location"), .storage = LowerStorage(source.Object("storage"))};
  const bool object = io::IsObjectLocation(out.location);
  const bool web = io::IsHttpLocation(out.location);
  const bool named = out.location.find("://") != std::string::npos;
  if (object) {
    const auto parsed = io::ParseObjectLocation(out.location);
    if (!parsed.ok()) context.Error("E0470", path + ".location", parsed.status().message());
  } else if (out.location.starts_with("file://")) {
    out.location = context.Absolute(out.location.substr(7));
  } else if (web) {
    JudgeUrl(out.location, path + ".location", context);
  } else if (named) {
    context
        .Error("E0497", path + ".location", "`" + Shown(out.location) + "` is not a place that firn reads files from")
        .help = "write a folder, s3://bucket/prefix or https://host/path";
  } else if (!named) {
    out.location = context.Absolute(out.location);
  }
  out.auth = LowerAuth(source.Object("auth"), path + ".auth", context);
  out.headers = LowerNamedText(source, "headers", path + ".headers", context);
  for (const char* const field : {"auth", "headers"}) {
    if (web || !source.Has(field)) continue;
    context.Error("E0497", path + "." + field, "`" + std::string(field) + "` is for URLs, and the location is none")
        .help = io::IsObjectLocation(out.location) ? "write keys into `storage`" : "remove it";
  }
  if (source.Has("storage") && !object) {
    context.Error("E0470", path + ".storage", "`storage` is for object stores, and the location is none").help =
        "remove `storage`, or write `location: s3://<bucket>/<prefix>`";
  }
  if (out.storage.access_key.empty() != out.storage.secret_key.empty()) {
    context.Error("E0470", path + ".storage", "`access_key` and `secret_key` go together").help =
        "write both, or neither: then the environment, profile or role of the machine is used";
  }
  if (!out.storage.ca_file.empty()) out.storage.ca_file = context.Absolute(out.storage.ca_file);
  while (out.location.size() > 1 && out.location.ends_with('/') && !out.location.ends_with("://")) {
    out.location.pop_back();
  }
  return out;
}

void LowerFiles(const ObjectView& table, const LoweringContext& context, TableConfig* out) {
  FilesConfig& files = out->files;
  files.patterns = table.TextList("path");
  const std::string at = out->config_path + ".path";
  if (!table.Has("path")) {
    context.Error("E0204", out->config_path, "the table has no `path`").help =
        "add the files it is made of: `path: \"" + Shown(out->name) + "/*.csv\"`";
  }
  for (size_t i = 0; i < files.patterns.size(); ++i) {
    JudgePattern(files.patterns[i], table.IsScalar("path") ? at : at + "." + std::to_string(i), context);
  }
  files.format = FileFormatOf(table.Text("format"));
  files.compression = FileCompressionOf(table.Text("compression"));
  files.same_content_once = table.Text("same_content") != "each";
  files.settle_ms = table.Int("settle");
  files.csv = CsvConfigOf(table.Object("csv"), [&](const std::string& field, std::string what, std::string help) {
    context.Error("E0497", out->config_path + ".csv." + field, std::move(what)).help = std::move(help);
  });
  if (table.Has("file_columns")) {
    const std::vector<std::string> columns = table.TextList("file_columns");
    const auto has = [&](const char* name) { return std::ranges::find(columns, name) != columns.end(); };
    files.file_column = has(kFileColumn);
    files.line_column = has(kLineColumn);
    files.modified_column = has(kModifiedColumn);
  }
  LowerChanges(table, context, out);
}

void JudgeFieldsOfSource(const ObjectView& table, const std::string& path, std::string_view source,
                         const LoweringContext& context) {
  for (const Field& field : TableType()->fields) {
    if (field.IsFor(source) || !table.Has(field.name)) continue;
    context
        .Error("E0208", path + "." + field.name,
               "`" + field.name + "` is for tables of " + field.SourceTypesText() +
                   ", and this source is `type: " + std::string(source) + "`")
        .help = "remove it";
  }
  for (const char* const name : {"path", "records"}) {
    if ((source != "process" && source != "airbyte" && source != "steps") || !table.Has(name)) continue;
    const char* const whom = source == "process" ? "a program" : source == "steps" ? "a workflow" : "a connector";
    context.Error("E0208", path + "." + name, "`" + std::string(name) + "` says nothing to " + whom).help =
        source == "steps" ? "write it into a step of the workflow"
                          : "write `stream:`, or put it into `config:` of the source";
  }
}

}  // namespace firn::config
