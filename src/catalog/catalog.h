#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "table/metadata/metadata.h"
#include "table/metadata/requirement.h"
#include "table/metadata/update.h"

/// Where the current metadata file of each table is recorded, in the vocabulary of the Iceberg REST specification
/// (open-api/rest-catalog-open-api.yaml). Implementations live in catalog/<name>/.
namespace firn::catalog {

struct TableIdentifier {
  std::vector<std::string> ns;  // levels of the namespace, at least one
  std::string name;
  friend bool operator==(const TableIdentifier&, const TableIdentifier&) = default;
  friend auto operator<=>(const TableIdentifier&, const TableIdentifier&) = default;
  /// "shop.orders"; for people, not for parsing.
  std::string ToString() const;
};

struct LoadedTable {
  std::shared_ptr<const table::TableMetadata> metadata;
  std::string metadata_location;
};

/// One table's share of a commit. A table that does not exist yet is created by requirements {assert-create} and
/// updates that begin with assign-uuid, as the REST specification's create transaction does.
struct TableCommit {
  TableIdentifier identifier;
  std::vector<table::TableRequirement> requirements;
  std::vector<table::TableUpdate> updates;
  /// May be set if traits().waits_for_files: returns when the content of all files that the updates name is durable.
  /// Their names exist already. Callable more than once, from any thread.
  std::function<Status()> files_durable;
};

/// What became of a commit that was tried. "Unknown" is a state of its own (DESIGN.md §5.3): the caller looks until it
/// is answered and deletes nothing.
enum class CommitOutcome { kCommitted, kConflict, kUnknown };

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  std::vector<LoadedTable> tables;  // of kCommitted, in the order of the commits
  std::string reason;               // of kConflict and kUnknown
};

struct CatalogTraits {
  bool multi_table_commit = false;  // a span of more than one commit is atomic
  /// Commit() makes the names in <location>/metadata of each table durable and calls TableCommit::files_durable, both
  /// before the swap; so what it has to sync itself is synced in the meantime.
  bool waits_for_files = false;
  /// A commit of a process that has died can still be applied: by a server that has the request, or something between.
  bool may_commit_late = false;
};

/// Thread-safe.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual CatalogTraits traits() const = 0;
  virtual Result<std::vector<std::vector<std::string>>> ListNamespaces() = 0;
  /// Does nothing if it exists.
  virtual Status CreateNamespace(const std::vector<std::string>& ns) = 0;
  virtual Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) = 0;
  /// Returns nullopt if there is no such table.
  virtual Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) = 0;
  /// Applies all commits or none. A span of more than one needs traits().multi_table_commit. The namespaces must exist.
  /// Returns an error only if nothing was tried (kConfig, kBug, kCancelled before the swap).
  virtual Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) = 0;
  /// Removes the catalog entry; the files stay. Errors: kConfig if there is no such table.
  virtual Status DropTable(const TableIdentifier& identifier) = 0;
  virtual Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) = 0;
  /// Returns the location a new table gets unless its creator sets one: "<warehouse>/<ns>/<name>", a file:/// URI.
  virtual std::string DefaultLocation(const TableIdentifier& identifier) const = 0;
  /// Sorted by name; empty if the catalog has no views.
  virtual Result<std::vector<TableIdentifier>> ListViews(const std::vector<std::string>& /*ns*/) {
    return std::vector<TableIdentifier>();
  }
};

}  // namespace firn::catalog
