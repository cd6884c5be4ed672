#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "io/raw_archive.h"
#include "io/raw_cipher.h"
#include "pipeline/archive_mark.h"
#include "table/scan/plan.h"

namespace firn::pipeline {

/// The runs in a raw table, as its current snapshot has them. Borrows the store.
class RawTable {
 public:
  struct Run {
    ArchiveMark mark;           // of its last commit; `run` is empty: there is none, which is damage
    int64_t mark_sequence = 0;  // data sequence number of the file that has it
    int64_t bytes = 0;          // of the bodies as received
    io::RawSeal seal;           // of the last row
    std::vector<std::pair<int64_t, size_t>> files;  // first ordinal, index in the plan; ascending
  };

  /// Reads all but the bodies. No table, or one that is not for bodies: no runs. Errors: of reading.
  static Result<RawTable> Open(catalog::Catalog& catalog, io::FileStore& files,
                               const catalog::TableIdentifier& identifier);

  const std::map<std::string, Run>& runs() const { return runs_; }  // by id
  /// Opens the pages of a run that is there. `place`: what they are sealed for, by the
  /// names of now. Errors of Next: kBadData when a page is
  /// missing, twice there or not what was written; kConfig E0866.
  Result<std::unique_ptr<io::RawArchiveReader>> OpenRun(const io::RawArchivePlace& place,
                                                        io::RawReadOptions options) const;

 private:
  Status ReadFile(size_t index);

  io::FileStore* files_ = nullptr;
  std::string name_;
  std::shared_ptr<const table::TableMetadata> metadata_;
  table::ScanPlan plan_;
  std::map<std::string, Run> runs_;
};

}  // namespace firn::pipeline
