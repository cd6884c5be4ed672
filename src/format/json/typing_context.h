#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "format/json/mask.h"
#include "format/json/table_reader.h"

namespace firn::format::json {

/// Nesting at which columns end: what is deeper becomes JSON text.
inline constexpr int kColumnDepthMax = 64;
/// Levels of a Parquet schema, where a list or map is two: its readers stop at 100.
inline constexpr int kParquetDepthMax = 96;
/// An object below the top level with more keys than this, each seen once, is a map.
inline constexpr int kMapKeysMin = 200;

/// A trie of declared columns by source path; array levels are passed through.
class HintTree {
 public:
  /// Errors: kConfig for an empty path, an unusable type or an unknown time zone.
  static Result<HintTree> Make(const std::vector<ColumnHint>& hints);
  const HintTree* Child(std::string_view key) const;
  /// The declaration of this very place, or null.
  const ColumnHint* hint() const { return hint_ && !hint_->is_expected ? &*hint_ : nullptr; }
  /// What the source expects there, or null.
  const ColumnHint* expected() const { return hint_ && hint_->is_expected ? &*hint_ : nullptr; }
  const std::vector<std::pair<std::string, std::unique_ptr<HintTree>>>& children() const { return children_; }

 private:
  std::optional<ColumnHint> hint_;
  std::vector<std::pair<std::string, std::unique_ptr<HintTree>>> children_;
};

/// What typing needs to know besides the values. Immutable; shared by all threads of a reader.
struct TypingContext {
  std::shared_ptr<const MaskTree> masks;  // null: none
  HintTree hints;
  Contract contract;
  std::vector<std::string> key_columns;  // see TableReaderOptions
  std::vector<ColumnDefault> defaults;   // see TableReaderOptions
  int32_t max_leaves = 10'000;
  bool infer_dates = true;
  bool infer_timestamps = true;
};

/// True for a top-level name that belongs to firn or to change streams and is never given to a source key.
bool IsReservedName(std::string_view name);

}  // namespace firn::format::json
