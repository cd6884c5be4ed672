#include "pipeline/backup.h"

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/file_store.h"
#include "io/tar.h"
#include "io/temporary_folder.h"
#include "state/database_copy.h"
#include "table/commit/reachability.h"
#include "table/maintenance/reachable_files.h"

namespace firn::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kRoundsMax = 10;
constexpr int kPointerReadsMax = 20;
constexpr int64_t kPieceBytes = int64_t{1} << 20;

struct Pointer {
  catalog::TableIdentifier identifier;
  catalog::LoadedTable table;
};

Result<std::vector<Pointer>> ReadPointers(catalog::Catalog& catalog) {
  std::vector<Pointer> pointers;
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog.ListNamespaces());
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto tables, catalog.ListTables(ns));
    for (const catalog::TableIdentifier& identifier : tables) {
      ARROW_ASSIGN_OR_RAISE(auto loaded, catalog.LoadTable(identifier));
      if (loaded) pointers.push_back({.identifier = identifier, .table = std::move(*loaded)});
    }
  }
  return pointers;
}

bool SamePointers(const std::vector<Pointer>& a, const std::vector<Pointer>& b) {
  return std::ranges::equal(a, b, [](const Pointer& left, const Pointer& right) {
    return left.identifier == right.identifier && left.table.metadata_location == right.table.metadata_location;
  });
}

// Two readings that are the same: all of them were current at one moment between, so commits over several tables are
// in whole.
Result<std::vector<Pointer>> PointersAtOneMoment(catalog::Catalog& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto before, ReadPointers(catalog));
  for (int i = 0; i < kPointerReadsMax; ++i) {
    ARROW_ASSIGN_OR_RAISE(auto again, ReadPointers(catalog));
    if (SamePointers(before, again)) return again;
    before = std::move(again);
  }
  return MakeError(Fault::kTransient, "tables change faster than the catalog can be read",
                   {.state = "no backup was made", .next = "firn backup, when fewer loads are at work"});
}

class Backup {
 public:
  Backup(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock, const BackupOptions& options,
         arrow::io::OutputStream& out, std::stop_token stop)
      : catalog_(catalog),
        files_(files),
        options_(options),
        root_(table::NormalLocation(options.warehouse)),
        now_(clock.Now()),
        tar_(out),
        stop_(std::move(stop)) {}

  Result<BackupReport> Run() {
    for (;; ++report_.rounds) {
      ARROW_ASSIGN_OR_RAISE(pointers_, PointersAtOneMoment(catalog_));
      const Status taken = TakeTables();
      if (taken.ok()) break;
      if (!io::IsNotFound(taken)) return taken;
      if (report_.rounds >= kRoundsMax) {
        return WithContext(Within("a file vanished again while the tables were read", taken),
                           {.state = "no backup was made",
                            .next = "keep snapshots longer (history.expire.max-snapshot-age-ms), and try again"});
      }
    }
    ARROW_RETURN_NOT_OK(TakeState());
    ARROW_RETURN_NOT_OK(Contents());
    ARROW_RETURN_NOT_OK(tar_.Finish());
    report_.tables = static_cast<int64_t>(pointers_.size());
    return report_;
  }

 private:
  Result<std::string> NameOf(const std::string& location) const {
    const std::string normal = table::NormalLocation(location);
    if (table::IsInside(normal, root_)) return "lake" + normal.substr(root_.size());
    return MakeError(Fault::kConfig, "the file lies outside of the warehouse: " + location,
                     {.code = "E0970",
                      .why = "a backup holds what is below " + options_.warehouse,
                      .state = "no backup was made",
                      .next = "save that table by itself, or take it out of the catalog"});
  }

  Status TakeTables() {
    for (const Pointer& pointer : pointers_) {
      auto reachable = table::ReachableFiles(files_, *pointer.table.metadata);
      if (!reachable.ok()) return reachable.status();
      reachable->insert(pointer.table.metadata_location);
      for (const std::string& location : *reachable) ARROW_RETURN_NOT_OK(TakeFile(location));
    }
    return Status::OK();
  }

  Status TakeFile(const std::string& location) {
    ARROW_ASSIGN_OR_RAISE(const std::string name, NameOf(location));
    if (taken_.contains(name)) return Status::OK();
    if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    FIRN_FAILPOINT("backup.before_file");
    ARROW_ASSIGN_OR_RAISE(const auto input, files_.OpenInput(location));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
    ARROW_RETURN_NOT_OK(tar_.Begin(name, size, now_.micros / 1'000'000));
    Sha256 sum;
    for (int64_t at = 0; at < size; at += kPieceBytes) {
      ARROW_ASSIGN_OR_RAISE(const auto piece, input->ReadAt(at, std::min(kPieceBytes, size - at)));
      if (piece->size() != std::min(kPieceBytes, size - at)) {
        return MakeError(Fault::kBadData, location + " ends before its size");
      }
      const std::string_view bytes(reinterpret_cast<const char*>(piece->data()), static_cast<size_t>(piece->size()));
      sum.Update(bytes);
      ARROW_RETURN_NOT_OK(tar_.Write(bytes));
    }
    ARROW_RETURN_NOT_OK(tar_.End());
    Note(name, size, sum.Finish());
    return Status::OK();
  }

  void Note(const std::string& name, int64_t size, const Sha256Digest& sum) {
    taken_[name] = {{"name", name}, {"bytes", size}, {"sha256", HexOf(sum.data(), sum.size())}};
    ++report_.files;
    report_.bytes += size;
  }

  Status TakeBytes(const std::string& name, const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, files_.ReadText(path));
    Sha256 sum;
    sum.Update(bytes);
    ARROW_RETURN_NOT_OK(tar_.Add(name, bytes, now_.micros / 1'000'000));
    Note(name, static_cast<int64_t>(bytes.size()), sum.Finish());
    return Status::OK();
  }

  // Of the state folder what cannot be had again: history, results and logs of runs; secrets only if asked for.
  Status TakeState() {
    std::error_code error;
    if (options_.state_folder.empty() || !fs::is_directory(options_.state_folder, error)) return Status::OK();
    const io::TemporaryFolder copies;
    const std::string copy = copies.path() + "/state.db";
    ARROW_ASSIGN_OR_RAISE(const bool has, state::CopyStateDatabase(options_.state_folder + "/state.db", copy));
    if (has) ARROW_RETURN_NOT_OK(TakeBytes("state/state.db", copy));
    std::vector<std::string> folders = {"runs"};
    if (options_.with_secrets) folders.insert(folders.end(), {"secrets", "keys"});
    for (const std::string& folder : folders) {
      const std::string top = options_.state_folder + "/" + folder;
      ARROW_ASSIGN_OR_RAISE(const auto listed, files_.List(top));
      for (const io::FileInfo& file : listed) {
        const Status taken = TakeBytes("state/" + folder + file.location.substr(top.size()), file.location);
        if (!taken.ok() && !io::IsNotFound(taken)) return taken;  // the oldest logs go by themselves
      }
    }
    return Status::OK();
  }

  Status Contents() {
    Json tables = Json::array(), list = Json::array();
    for (const Pointer& pointer : pointers_) {
      ARROW_ASSIGN_OR_RAISE(const std::string name, NameOf(pointer.table.metadata_location));
      tables.push_back({{"namespace", pointer.identifier.ns}, {"name", pointer.identifier.name}, {"metadata", name}});
    }
    for (const auto& [name, entry] : taken_) list.push_back(entry);
    const Json contents = {
        {"version", kBackupVersion},       {"firn", FIRN_VERSION}, {"created", FormatTimestamp(now_)},
        {"warehouse", options_.warehouse}, {"tables", tables},     {"files", list}};
    return tar_.Add(kBackupContents, contents.dump(1) + "\n", now_.micros / 1'000'000);
  }

  catalog::Catalog& catalog_;
  io::FileStore& files_;
  const BackupOptions& options_;
  const std::string root_;
  const Timestamp now_;
  io::TarWriter tar_;
  const std::stop_token stop_;
  std::vector<Pointer> pointers_;
  std::map<std::string, Json> taken_;
  BackupReport report_;
};

}  // namespace

Result<BackupReport> WriteBackup(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                 const BackupOptions& options, const std::shared_ptr<arrow::io::OutputStream>& out,
                                 std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto codec,
                        arrow::util::Codec::Create(arrow::Compression::ZSTD, static_cast<int>(options.level)));
  ARROW_ASSIGN_OR_RAISE(const auto packed, arrow::io::CompressedOutputStream::Make(codec.get(), out));
  auto report = Backup(catalog, files, clock, options, *packed, std::move(stop)).Run();
  const auto failpoint = [] {
    FIRN_FAILPOINT("backup.before_close");
    return Status::OK();
  };
  Status ended = report.ok() ? failpoint() : report.status();
  if (!ended.ok()) {  // else its destructor would keep the half of it
    const Status aborted = packed->Abort();
    if (!aborted.ok()) log::Warn("the half of a backup stays", {{"reason", aborted.message()}});
    return ended;
  }
  ARROW_RETURN_NOT_OK(packed->Close());
  return report;
}

}  // namespace firn::pipeline
