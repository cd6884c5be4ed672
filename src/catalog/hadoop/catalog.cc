#include "catalog/hadoop/catalog.h"

#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "catalog/metadata_files.h"
#include "io/object_location.h"

namespace firn::catalog::hadoop {
namespace {

constexpr int64_t kFilesMax = 2'000'000;     // of the warehouse, when tables are listed
constexpr int64_t kVersionsMax = 1'000'000;  // of one table
constexpr int64_t kHintBytesMax = 64;

Status ReadOnly(const std::string& what) {
  return MakeError(Fault::kConfig, "a catalog of type hadoop is only read: cannot " + what,
                   {.why = "its commit is a rename that nothing guards: two writers lose rows of each other",
                    .state = "nothing was changed",
                    .next = "firn catalog rebuild with another catalog type registers the same tables"});
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::string_view NameOf(std::string_view location) {
  return location.substr(location.rfind('/') + 1);
}

class HadoopCatalog : public Catalog {
 public:
  HadoopCatalog(std::string warehouse, io::FileStore& files, const Clock& clock)
      : warehouse_(io::WarehouseLocation(warehouse)), files_(files), metadata_(files, clock) {}

  CatalogTraits traits() const override { return {}; }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override;
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override;
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override;
  std::string DefaultLocation(const TableIdentifier& identifier) const override { return FolderOf(identifier); }

  Status CreateNamespace(const std::vector<std::string>&) override { return ReadOnly("make a namespace"); }
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token) override {
    return ReadOnly("commit to " + (commits.empty() ? "a table" : commits[0].identifier.ToString()));
  }
  Status DropTable(const TableIdentifier& identifier) override { return ReadOnly("drop " + identifier.ToString()); }
  Status RenameTable(const TableIdentifier& from, const TableIdentifier&) override {
    return ReadOnly("rename " + from.ToString());
  }

 private:
  std::string FolderOf(const TableIdentifier& identifier) const {
    std::string folder = warehouse_;
    for (const std::string& level : identifier.ns) folder += "/" + level;
    return folder + "/" + identifier.name;
  }
  Result<std::set<TableIdentifier>> Tables();
  Result<std::optional<std::string>> Newest(const TableIdentifier& identifier);

  const std::string warehouse_;
  io::FileStore& files_;
  MetadataFiles metadata_;
};

// <warehouse>/<levels>/<table>/metadata/vN.metadata.json is a table.
Result<std::set<TableIdentifier>> HadoopCatalog::Tables() {
  constexpr std::string_view kFolder = "/metadata";
  ARROW_ASSIGN_OR_RAISE(const auto files, files_.List(warehouse_, kFilesMax));
  std::set<TableIdentifier> tables;
  for (const io::FileInfo& file : files) {
    std::string_view path = file.location;
    if (!VersionOf(NameOf(path)) || !path.starts_with(warehouse_ + "/")) continue;
    path = path.substr(0, path.rfind('/'));
    if (!path.ends_with(kFolder)) continue;
    path.remove_suffix(kFolder.size());
    if (path.size() <= warehouse_.size()) continue;
    path.remove_prefix(warehouse_.size() + 1);
    TableIdentifier table;
    for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
      table.ns.emplace_back(path.substr(0, slash));
      path.remove_prefix(slash + 1);
    }
    table.name = std::string(path);
    if (!table.ns.empty()) tables.insert(std::move(table));
  }
  return tables;
}

Result<std::vector<std::vector<std::string>>> HadoopCatalog::ListNamespaces() {
  ARROW_ASSIGN_OR_RAISE(const auto tables, Tables());
  std::set<std::vector<std::string>> namespaces;
  for (const TableIdentifier& table : tables) namespaces.insert(table.ns);
  return std::vector<std::vector<std::string>>(namespaces.begin(), namespaces.end());
}

Result<std::vector<TableIdentifier>> HadoopCatalog::ListTables(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(const auto all, Tables());
  std::vector<TableIdentifier> tables;
  for (const TableIdentifier& table : all) {
    if (table.ns == ns) tables.push_back(table);
  }
  return tables;
}

Result<std::optional<std::string>> HadoopCatalog::Newest(const TableIdentifier& identifier) {
  for (const std::string& level : identifier.ns) {
    if (level.empty() || level == "." || level == ".." || level.find('/') != std::string::npos) return std::nullopt;
  }
  if (identifier.name.empty() || identifier.name == ".." || identifier.name.find('/') != std::string::npos) {
    return std::nullopt;
  }
  const std::string folder = FolderOf(identifier) + "/metadata";
  ARROW_ASSIGN_OR_RAISE(const auto files, files_.List(folder, kVersionsMax));
  int64_t newest = -1;
  std::optional<std::string> location;
  bool has_hint = false;
  for (const io::FileInfo& file : files) {
    const std::string_view name = NameOf(file.location);
    has_hint = has_hint || name == "version-hint.text";
    const auto version = VersionOf(name);
    if (!version || *version <= newest) continue;
    newest = *version;
    location = file.location;
  }
  if (!has_hint) return location;
  ARROW_ASSIGN_OR_RAISE(std::string hint, files_.ReadText(folder + "/version-hint.text", kHintBytesMax));
  while (!hint.empty() && (hint.back() == '\n' || hint.back() == '\r' || hint.back() == ' ')) hint.pop_back();
  const auto hinted = Number(hint);
  if (hinted && *hinted > newest) {
    return MakeError(Fault::kBadData, "version-hint.text of " + identifier.ToString() + " names version " + hint +
                                          ", and there is no metadata file of it");
  }
  return location;
}

Result<std::optional<LoadedTable>> HadoopCatalog::LoadTable(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto location, Newest(identifier));
  if (!location) return std::nullopt;
  auto table = metadata_.Read(identifier, *location);
  if (!table.ok()) return Within("table " + identifier.ToString(), table.status());
  return std::optional<LoadedTable>(*std::move(table));
}

}  // namespace

std::optional<int64_t> VersionOf(std::string_view file_name) {
  if (!file_name.starts_with('v')) return std::nullopt;
  for (const std::string_view ending : {".gz.metadata.json", ".metadata.json.gz", ".metadata.json"}) {
    if (!file_name.ends_with(ending)) continue;
    return Number(file_name.substr(1, file_name.size() - ending.size() - 1));
  }
  return std::nullopt;
}

std::unique_ptr<Catalog> OpenHadoopCatalog(std::string warehouse, io::FileStore& files, const Clock& clock) {
  return std::make_unique<HadoopCatalog>(std::move(warehouse), files, clock);
}

CatalogKind Kind() {
  return {
      .name = "hadoop",
      .open = [](const config::LakeConfig& lake, const CatalogContext& context) -> Result<std::unique_ptr<Catalog>> {
        return OpenHadoopCatalog(lake.warehouse, context.files, context.clock);
      }};
}

}  // namespace firn::catalog::hadoop
