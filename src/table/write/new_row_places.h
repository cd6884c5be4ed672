#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/write/table_writer.h"

namespace firn::table {

/// Row positions by file: an index into a list of files.
using RowsByFile = std::map<size_t, PositionSet>;

/// Where the rows of a load are: from the place their writer gave them to file and position, also after files were
/// written again without some of their rows. Const methods may be called by several threads at once.
class NewRowPlaces {
 public:
  struct Position {
    size_t file = 0;  // index into the list of files
    int64_t row = 0;
  };

  NewRowPlaces() = default;
  /// `files`: sorted by (partition, first ordinal). `ranks`: of their writer.
  explicit NewRowPlaces(const std::vector<WrittenFile>& files, RowRanks ranks = {});

  /// Errors: kBug if the row is in no file.
  Result<Position> Of(RowPlace place) const;

  /// The file has another index now.
  void Keep(size_t file, size_t index) { parts_[file].file = index; }
  /// The file's rows without `dead`, in order, were appended to a second writer, the first one at `first`; nullopt if
  /// no row was left.
  void Rewrite(size_t file, std::shared_ptr<const PositionSet> dead, std::optional<RowPlace> first);
  /// The files of the second writer, whose indexes start at `first_index`.
  void SetRewritten(const std::vector<WrittenFile>& files, size_t first_index, RowRanks ranks = {});

 private:
  struct Part {
    RowPlace first;
    int64_t num_rows = 0;
    size_t file = 0;
    std::shared_ptr<const PositionSet> dead;  // null: kept as it is
    RowPlace rewritten;                       // where its first live row went
  };
  using Parts = std::vector<Part>;  // sorted by `first`
  static Parts PartsOf(const std::vector<WrittenFile>& files, size_t first_index);
  static const Part* Find(const Parts& parts, RowPlace place);
  static RowPlace Ranked(const RowRanks& ranks, RowPlace place);

  Parts parts_;
  RowRanks ranks_;
  Parts rewritten_;
  RowRanks rewritten_ranks_;
};

}  // namespace firn::table
