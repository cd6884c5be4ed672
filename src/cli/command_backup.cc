#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/byte_size.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "io/file_store.h"
#include "io/object_location.h"
#include "pipeline/backup.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Absolute(const std::string& text) {
  if (io::IsObjectLocation(text)) return text;
  std::error_code error;
  std::string path = std::filesystem::absolute(text, error).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// A file on a disk gets its name when it is whole; an object exists only then.
std::string PartOf(const std::string& file) {
  return io::IsObjectLocation(file) ? file : file + ".part";
}

Status PutInPlace(App& app, const std::string& file) {
  if (io::IsObjectLocation(file)) return Status::OK();
  std::error_code error;
  std::filesystem::rename(PartOf(file), file, error);
  if (error) return io::FileError("rename", PartOf(file), error.value());
  return app.files().SyncFolder(io::FolderOf(file));
}

Result<int> Backup(App& app, const Arguments& arguments) {
  const std::string file = Absolute(arguments.Text("FILE"));
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  const pipeline::BackupOptions options{.warehouse = io::WarehouseLocation(project->lake.warehouse),
                                        .state_folder = project->state_folder,
                                        .with_secrets = arguments.Flag("--with-secrets")};
  ARROW_ASSIGN_OR_RAISE(const bool exists, app.files().Exists(file));
  if (exists) {
    return MakeError(Fault::kConfig, file + " exists",
                     {.code = "E0970", .state = "nothing was changed", .next = "firn backup <another name>"});
  }
  if (PartOf(file) != file) ARROW_RETURN_NOT_OK(app.files().Remove(PartOf(file)));  // of a backup that was cut off
  ARROW_ASSIGN_OR_RAISE(const auto out, app.files().OpenOutput(PartOf(file)));
  ARROW_ASSIGN_OR_RAISE(const auto report,
                        pipeline::WriteBackup(*catalog, app.files(), app.clock(), options, out, app.stop()));
  ARROW_RETURN_NOT_OK(PutInPlace(app, file));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, app.files().Size(file));
  if (arguments.Flag("--json")) {
    const Json json = {
        {"version", 1},          {"file", file},          {"file_bytes", size},     {"tables", report.tables},
        {"files", report.files}, {"bytes", report.bytes}, {"rounds", report.rounds}};
    ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
    return 0;
  }
  app.Say(file + ": " + std::to_string(report.tables) + " tables, " + std::to_string(report.files) + " files, " +
          FormatByteSize(report.bytes) + " in " + FormatByteSize(size) +
          (options.with_secrets ? "; it holds secrets" : "") + "\n");
  app.Next("firn restore " + file + " FOLDER");
  return 0;
}

Result<int> Restore(App& app, const Arguments& arguments) {
  const std::string file = Absolute(arguments.Text("FILE"));
  const std::string folder = Absolute(arguments.Text("FOLDER"));
  if (io::IsObjectLocation(file)) ARROW_RETURN_NOT_OK(app.Project().status());  // its storage settings
  ARROW_ASSIGN_OR_RAISE(const auto input, app.files().OpenInput(file));
  ARROW_ASSIGN_OR_RAISE(const auto report,
                        pipeline::RestoreBackup(input, app.files(), app.clock(), folder, app.stop()));
  if (arguments.Flag("--json")) {
    const Json json = {
        {"version", 1},          {"folder", folder},     {"created", report.created}, {"tables", report.tables},
        {"files", report.files}, {"bytes", report.bytes}};
    ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
    return 0;
  }
  app.Say(folder + "/lake: " + std::to_string(report.tables.size()) + " tables as of " + report.created + ", " +
          std::to_string(report.files) + " files, " + FormatByteSize(report.bytes) + ", all sums right\n");
  app.Next("write `lake: {warehouse: " + folder + "/lake}` and `state: " + folder + "/.firn` into the project");
  return 0;
}

}  // namespace

Command BackupCommand() {
  return {.name = "backup",
          .reads_source = false,
          .reads_tables = true,
          .group = "Serve",
          .summary = "save the lake as it is at one moment, with the history of runs, in one file",
          .options = {{.name = "FILE",
                       .kind = Option::Kind::kPositional,
                       .help = "lake.tar.zst, or s3://bucket/lake.tar.zst; must not exist",
                       .required = true},
                      {.name = "--with-secrets",
                       .kind = Option::Kind::kFlag,
                       .help = "the state folder's secrets and keys too: keep the file as safe as them"},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
          .run = Backup};
}

Command RestoreCommand() {
  return {.name = "restore",
          .reads_source = false,
          .group = "Serve",
          .summary = "put a backup into a new folder, with a catalog of its own; every checksum is verified",
          .options = {{.name = "FILE", .kind = Option::Kind::kPositional, .help = "of firn backup", .required = true},
                      {.name = "FOLDER",
                       .kind = Option::Kind::kPositional,
                       .help = "missing or empty; gets lake/ and .firn/",
                       .required = true},
                      {.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"}},
          .run = Restore};
}

}  // namespace firn::cli
