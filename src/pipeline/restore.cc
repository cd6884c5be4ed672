#include <arrow/io/compressed.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "catalog/registry.h"
#include "io/file_store.h"
#include "io/tar.h"
#include "pipeline/backup.h"
#include "table/maintenance/relocate.h"

namespace firn::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kMarker[] = ".firn-restoring";  // in the folder until all is there
constexpr int64_t kPieceBytes = int64_t{1} << 20;
constexpr int64_t kContentsBytesMax = int64_t{1} << 30;

Status Damaged(const std::string& what) {
  return MakeError(Fault::kBadData, "the backup is damaged: " + what,
                   {.code = "E0972",
                    .state = "nothing can be read from the folder yet",
                    .next = "firn restore of another backup, into another folder"});
}

struct Extracted {
  int64_t bytes = 0;
  std::string sha256;
};

class Restorer {
 public:
  Restorer(arrow::io::InputStream& in, io::FileStore& files, const Clock& clock, std::string folder,
           std::stop_token stop)
      : tar_(in), files_(files), clock_(clock), folder_(std::move(folder)), stop_(std::move(stop)) {}

  Result<RestoreReport> Run() {
    ARROW_RETURN_NOT_OK(Prepare());
    ARROW_RETURN_NOT_OK(Extract());
    ARROW_RETURN_NOT_OK(Verify());
    FIRN_FAILPOINT("restore.before_catalog");
    ARROW_RETURN_NOT_OK(MakeCatalog());
    FIRN_FAILPOINT("restore.before_end");
    ARROW_RETURN_NOT_OK(files_.Remove(folder_ + "/" + kMarker));
    return report_;
  }

 private:
  // What a restore that was cut off left is removed; anything else stays and is refused.
  Status Prepare() {
    std::error_code error;
    const bool own = fs::exists(folder_ + "/" + kMarker, error);
    if (own) {
      for (const char* name : {"lake", ".firn"}) fs::remove_all(folder_ + "/" + name, error);
    } else if (fs::exists(folder_, error) && !fs::is_empty(folder_, error)) {
      return MakeError(Fault::kConfig, folder_ + " is not empty",
                       {.code = "E0971",
                        .why = "a restore never writes over anything",
                        .state = "nothing was changed",
                        .next = "firn restore FILE <a new folder>"});
    }
    ARROW_RETURN_NOT_OK(files_.CreateFolder(folder_));
    return files_.WriteAtomic(folder_ + "/" + kMarker, "firn restore\n");
  }

  Result<std::string> PathOf(const std::string& name) const {
    const bool known = name.starts_with("lake/") || name.starts_with("state/");
    if (!io::IsSafeName(name) || !known) return Damaged("it has a file of the name " + name);
    if (name.starts_with("state/")) return folder_ + "/.firn/" + name.substr(6);
    return folder_ + "/" + name;
  }

  Status Extract() {
    while (true) {
      if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
      ARROW_ASSIGN_OR_RAISE(const auto entry, tar_.Next());
      if (!entry) return Status::OK();
      if (entry->name == kBackupContents) {
        if (entry->size_bytes > kContentsBytesMax) return Damaged("its contents are too long");
        ARROW_ASSIGN_OR_RAISE(contents_, tar_.Read(entry->size_bytes));
        while (static_cast<int64_t>(contents_.size()) < entry->size_bytes) {
          ARROW_ASSIGN_OR_RAISE(const std::string more, tar_.Read(kPieceBytes));
          contents_ += more;
        }
        continue;
      }
      FIRN_FAILPOINT("restore.before_file");
      ARROW_RETURN_NOT_OK(ExtractFile(*entry));
    }
  }

  Status ExtractFile(const io::TarEntry& entry) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(entry.name));
    if (extracted_.contains(entry.name)) return Damaged(entry.name + " is there twice");
    ARROW_ASSIGN_OR_RAISE(const auto out, files_.OpenOutput(path));
    Sha256 sum;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const std::string bytes, tar_.Read(kPieceBytes));
      if (bytes.empty()) break;
      sum.Update(bytes);
      ARROW_RETURN_NOT_OK(out->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    }
    ARROW_RETURN_NOT_OK(out->Close());
    const Sha256Digest digest = sum.Finish();
    extracted_[entry.name] = {.bytes = entry.size_bytes, .sha256 = HexOf(digest.data(), digest.size())};
    ++report_.files;
    report_.bytes += entry.size_bytes;
    return Status::OK();
  }

  Status Verify() {
    parsed_ = Json::parse(contents_, nullptr, /*allow_exceptions=*/false);
    const bool shaped = parsed_.is_object() && parsed_.value("version", Json()).is_number_integer() &&
                        parsed_.value("files", Json()).is_array() && parsed_.value("tables", Json()).is_array() &&
                        parsed_.value("warehouse", Json()).is_string();
    if (!shaped) return Damaged("its contents are missing: it ends early, or is no backup of firn");
    if (const int version = parsed_["version"].get<int>(); version > kBackupVersion) {
      return MakeError(Fault::kConfig, "the backup was made by a newer firn",
                       {.code = "E0972",
                        .why = "its format is version " + std::to_string(version) + ", this firn knows up to version " +
                               std::to_string(kBackupVersion),
                        .state = "nothing was restored",
                        .next = "use that version of firn"});
    }
    size_t num_named = 0;
    for (const Json& file : parsed_["files"]) {
      const std::string name = TextOf(file, "name");
      const auto found = extracted_.find(name);
      if (found == extracted_.end()) return Damaged(name + " is missing");
      if (found->second.sha256 != TextOf(file, "sha256")) return Damaged(name + " has another content");
      ++num_named;
    }
    if (num_named != extracted_.size()) return Damaged("it has files that its contents do not name");
    report_.created = TextOf(parsed_, "created");
    return Status::OK();
  }

  static std::string TextOf(const Json& object, const char* key) {
    if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return "";
    return object[key].get<std::string>();
  }

  Status MakeCatalog() {
    const std::string warehouse = folder_ + "/lake";
    ARROW_RETURN_NOT_OK(files_.CreateFolder(warehouse));
    config::LakeConfig lake{.warehouse = warehouse};
    lake.catalog.path = warehouse + "/catalog.db";
    catalog::CatalogRegistry registry;
    ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
    const catalog::CatalogContext context{.files = files_, .clock = clock_};
    ARROW_ASSIGN_OR_RAISE(const auto catalog, registry.Open(lake, context));
    ARROW_ASSIGN_OR_RAISE(const auto administration, registry.OpenAdministration(lake, context));
    const table::Relocation move{.from = TextOf(parsed_, "warehouse"), .to = "file://" + warehouse};
    report_.relocated = move.from != move.to;
    for (const Json& entry : parsed_["tables"]) {
      catalog::TableIdentifier identifier{.name = TextOf(entry, "name")};
      for (const Json& level : entry.value("namespace", Json::array())) {
        if (level.is_string()) identifier.ns.push_back(level.get<std::string>());
      }
      const std::string name = TextOf(entry, "metadata");
      if (identifier.ns.empty() || identifier.name.empty() || !extracted_.contains(name)) return Damaged("a table");
      std::string location = move.to + name.substr(4);
      if (report_.relocated) {
        ARROW_ASSIGN_OR_RAISE(const auto moved, table::RelocateTable(files_, clock_, move.from + name.substr(4), move,
                                                                     /*dry_run=*/false, stop_));
        location = moved.metadata_location;
      }
      ARROW_RETURN_NOT_OK(catalog->CreateNamespace(identifier.ns));
      ARROW_RETURN_NOT_OK(administration->RegisterTable(identifier, location, std::nullopt));
      report_.tables.push_back(identifier.ToString());
    }
    return Status::OK();
  }

  io::TarReader tar_;
  io::FileStore& files_;
  const Clock& clock_;
  const std::string folder_;
  const std::stop_token stop_;
  std::map<std::string, Extracted> extracted_;
  std::string contents_;
  Json parsed_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> RestoreBackup(const std::shared_ptr<arrow::io::InputStream>& in, io::FileStore& files,
                                    const Clock& clock, const std::string& folder, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto codec, arrow::util::Codec::Create(arrow::Compression::ZSTD));
  ARROW_ASSIGN_OR_RAISE(const auto unpacked, arrow::io::CompressedInputStream::Make(codec.get(), in));
  auto report = Restorer(*unpacked, files, clock, folder, std::move(stop)).Run();
  if (report.ok()) return report;
  // What Arrow says of the packing has no fault of its own, unlike what a store says of its server.
  const ErrorContext* context = ContextOf(report.status());
  const bool of_packing = FaultOf(report.status()) == Fault::kTransient && context == nullptr;
  const bool of_archive = FaultOf(report.status()) == Fault::kBadData && (context == nullptr || context->code.empty());
  return of_packing || of_archive ? Damaged(report.status().message()) : report;
}

}  // namespace firn::pipeline
