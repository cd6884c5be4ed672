#include "table/write/new_row_places.h"

#include <algorithm>
#include <utility>

namespace firn::table {

NewRowPlaces::NewRowPlaces(const std::vector<WrittenFile>& files, RowRanks ranks)
    : parts_(PartsOf(files, 0)), ranks_(std::move(ranks)) {}

RowPlace NewRowPlaces::Ranked(const RowRanks& ranks, RowPlace place) {
  if (place.partition >= ranks.size()) return place;
  const std::vector<uint32_t>& of_partition = ranks[place.partition];
  const auto ordinal = static_cast<size_t>(place.ordinal);
  if (ordinal < of_partition.size()) place.ordinal = of_partition[ordinal];
  return place;
}

Result<NewRowPlaces::Position> NewRowPlaces::Of(RowPlace place) const {
  place = Ranked(ranks_, place);
  const Part* part = Find(parts_, place);
  if (part != nullptr && part->dead != nullptr) {
    const int64_t row = place.ordinal - part->first.ordinal;
    const int64_t num_before = row - part->dead->CountIn(0, row);
    place = {.partition = part->rewritten.partition, .ordinal = part->rewritten.ordinal + num_before};
    place = Ranked(rewritten_ranks_, place);
    part = Find(rewritten_, place);
  }
  if (part == nullptr) return MakeError(Fault::kBug, "merge: a row is in no file");
  return Position{.file = part->file, .row = place.ordinal - part->first.ordinal};
}

void NewRowPlaces::Rewrite(size_t file, std::shared_ptr<const PositionSet> dead, std::optional<RowPlace> first) {
  parts_[file].dead = std::move(dead);
  parts_[file].rewritten = first.value_or(RowPlace{});
}

void NewRowPlaces::SetRewritten(const std::vector<WrittenFile>& files, size_t first_index, RowRanks ranks) {
  rewritten_ = PartsOf(files, first_index);
  rewritten_ranks_ = std::move(ranks);
}

NewRowPlaces::Parts NewRowPlaces::PartsOf(const std::vector<WrittenFile>& files, size_t first_index) {
  Parts parts;
  for (const WrittenFile& file : files) {
    parts.push_back({.first = {.partition = file.partition, .ordinal = file.first_ordinal},
                     .num_rows = file.file.record_count,
                     .file = first_index++});
  }
  std::ranges::sort(parts, {}, [](const Part& part) { return std::pair(part.first.partition, part.first.ordinal); });
  return parts;
}

const NewRowPlaces::Part* NewRowPlaces::Find(const Parts& parts, RowPlace place) {
  const auto key = [](RowPlace of) { return std::pair(of.partition, of.ordinal); };
  const auto after = std::ranges::upper_bound(parts, key(place), {}, [&](const Part& part) { return key(part.first); });
  if (after == parts.begin()) return nullptr;
  const Part& part = *(after - 1);
  const bool inside = part.first.partition == place.partition && place.ordinal < part.first.ordinal + part.num_rows;
  return inside ? &part : nullptr;
}

}  // namespace firn::table
