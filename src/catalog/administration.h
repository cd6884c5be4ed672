#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"

namespace firn::catalog {

using Properties = std::map<std::string, std::string>;
using Namespace = std::vector<std::string>;

/// What can stand under a name; names are shared.
enum class EntryKind { kTable, kView };

struct Entry {
  EntryKind kind = EntryKind::kTable;
  std::string metadata_location;
};

/// What a catalog server does to a catalog beyond what loading rows needs. Thread-safe. Errors of all methods: kConfig
/// for names the catalog cannot hold, kTransient for I/O; each change is applied whole or not at all.
class Administration {
 public:
  virtual ~Administration() = default;

  /// Returns nullopt if there is no such namespace.
  virtual Result<std::optional<Properties>> LoadNamespace(const Namespace& ns) = 0;
  /// Creates a namespace and the missing ones above it. Errors: kConflict if it exists.
  virtual Status CreateNamespace(const Namespace& ns, const Properties& properties) = 0;
  /// Returns false if there is no such namespace.
  virtual Result<bool> UpdateNamespace(const Namespace& ns, const Properties& set,
                                       const std::vector<std::string>& remove) = 0;
  /// Returns false if there is no such namespace. Errors: kConflict if it holds tables, views or namespaces.
  virtual Result<bool> DropNamespace(const Namespace& ns) = 0;

  virtual Result<std::optional<Entry>> Find(const TableIdentifier& identifier) = 0;
  /// Enters a table whose metadata file exists. `replaces`: the metadata location that must be current, nullopt: the
  /// name must be free. Errors: kConflict.
  virtual Status RegisterTable(const TableIdentifier& identifier, const std::string& metadata_location,
                               const std::optional<std::string>& replaces) = 0;
  /// Sorted by name.
  virtual Result<std::vector<TableIdentifier>> ListViews(const Namespace& ns) = 0;
  /// Compare-and-swap of the location of a view's metadata file. `before` nullopt: the name must be free. Errors:
  /// kConflict.
  virtual Status SwapView(const TableIdentifier& identifier, const std::optional<std::string>& before,
                          const std::string& after) = 0;
  /// Removes the entry; files stay. `expected`: only if that is its metadata location, else kConflict. Returns false if
  /// there is none of this kind.
  virtual Result<bool> Drop(EntryKind kind, const TableIdentifier& identifier,
                            const std::optional<std::string>& expected = std::nullopt) = 0;
  /// Returns false if `from` is missing. Errors: kConflict if `to` is taken. The namespace of `to` must exist.
  virtual Result<bool> Rename(EntryKind kind, const TableIdentifier& from, const TableIdentifier& to) = 0;
};

}  // namespace firn::catalog
