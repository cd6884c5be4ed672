#include "table/index/file_table.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace firn::table::index {

namespace {

constexpr size_t kChangesMin = 64;  // so many changes never make a new base

}  // namespace

Result<FileTable> FileTable::Make(const IndexState& state, const std::vector<FileRecord>& base) {
  const auto damaged = [] { return MakeError(Fault::kBadData, "the files of the key index contradict each other"); };
  FileTable table;
  const std::unordered_set<uint32_t> removed(state.removed.begin(), state.removed.end());
  std::vector<const FileRecord*> records;
  for (const FileRecord& file : base) {
    if (!removed.contains(file.ordinal)) records.push_back(&file);
  }
  if (records.size() + removed.size() != base.size()) return damaged();
  for (const FileRecord& file : state.added) records.push_back(&file);
  for (size_t i = 0; i < records.size(); ++i) {
    const FileRecord& file = *records[i];
    const bool ascends = i == 0 || records[i - 1]->ordinal < file.ordinal;
    if (!ascends || file.ordinal >= state.next_ordinal || table.by_path_.contains(file.path)) return damaged();
    table.Insert(file.ordinal, {.path = file.path, .num_rows = file.num_rows});
    table.accepted_.Set({file.ordinal}, true);
  }
  table.next_ordinal_ = state.next_ordinal;
  table.dead_rows_ = state.dead_rows;
  table.base_ = state.base;
  table.base_checksum_ = state.base_checksum;
  table.base_size_ = base.size();
  for (const FileRecord& file : state.added) table.added_since_base_.insert(file.ordinal);
  table.removed_since_base_ = state.removed;
  return table;
}

void FileTable::Insert(uint32_t ordinal, File file) {
  path_bytes_ += static_cast<int64_t>(file.path.size());
  const auto inserted = files_.emplace(ordinal, std::move(file)).first;
  by_path_[inserted->second.path] = ordinal;
  visible_.Set({ordinal}, true);
}

void FileTable::Erase(uint32_t ordinal) {
  const auto found = files_.find(ordinal);
  path_bytes_ -= static_cast<int64_t>(found->second.path.size());
  files_.erase(found);
}

Result<FileOrdinal> FileTable::Add(std::string path) {
  if (by_path_.contains(path)) return MakeError(Fault::kBug, "the key index has this file already: " + path);
  if (next_ordinal_ == UINT32_MAX) {
    return MakeError(Fault::kConfig, "the key index has given out all file numbers",
                     {.next = "remove its folder: it is built again from the table"});
  }
  const uint32_t ordinal = next_ordinal_++;
  Insert(ordinal, {.path = std::move(path)});
  staged_added_.push_back(ordinal);
  return FileOrdinal{ordinal};
}

Status FileTable::Remove(std::string_view path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) {
    return MakeError(Fault::kBug, "the key index does not have this file: " + std::string(path));
  }
  const uint32_t ordinal = found->second;
  by_path_.erase(found);
  visible_.Set({ordinal}, false);
  staged_removed_.push_back(ordinal);
  return Status::OK();
}

Status FileTable::RenameStaged(std::string_view path, std::string new_path) {
  const auto found = by_path_.find(path);
  const bool staged = found != by_path_.end() && std::ranges::find(staged_added_, found->second) != staged_added_.end();
  if (!staged || by_path_.contains(new_path)) {
    return MakeError(Fault::kBug, "the key index cannot rename this file: " + std::string(path));
  }
  const uint32_t ordinal = found->second;
  by_path_.erase(found);
  File& file = files_.at(ordinal);
  path_bytes_ += static_cast<int64_t>(new_path.size()) - static_cast<int64_t>(file.path.size());
  file.path = std::move(new_path);
  by_path_[file.path] = ordinal;
  return Status::OK();
}

void FileTable::CountRows(FileOrdinal file, int64_t num_rows) {
  if (const auto found = files_.find(file.value); found != files_.end()) found->second.num_rows += num_rows;
}

void FileTable::Accept() {
  for (const uint32_t ordinal : staged_added_) {
    accepted_.Set({ordinal}, true);
    added_since_base_.insert(ordinal);
  }
  for (const uint32_t ordinal : staged_removed_) {
    accepted_.Set({ordinal}, false);
    dead_rows_ += files_.at(ordinal).num_rows;
    if (added_since_base_.erase(ordinal) == 0) removed_since_base_.push_back(ordinal);
    Erase(ordinal);
  }
  staged_added_.clear();
  staged_removed_.clear();
}

void FileTable::Discard() {
  const std::unordered_set<uint32_t> added(staged_added_.begin(), staged_added_.end());
  for (const uint32_t ordinal : staged_added_) {
    if (visible_.Contains({ordinal})) by_path_.erase(files_.at(ordinal).path);
    visible_.Set({ordinal}, false);
    Erase(ordinal);
  }
  for (const uint32_t ordinal : staged_removed_) {
    if (added.contains(ordinal)) continue;
    by_path_[files_.at(ordinal).path] = ordinal;
    visible_.Set({ordinal}, true);
  }
  staged_added_.clear();
  staged_removed_.clear();
}

std::optional<std::string_view> FileTable::PathOf(FileOrdinal file) const {
  const auto found = files_.find(file.value);
  if (found == files_.end() || !visible_.Contains(file)) return std::nullopt;
  return found->second.path;
}

std::optional<FileOrdinal> FileTable::OrdinalOf(std::string_view path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return std::nullopt;
  return FileOrdinal{found->second};
}

FileDifference FileTable::Compare(std::span<const std::string> live) const {
  FileDifference difference;
  std::unordered_set<std::string_view> wanted;
  for (const std::string& path : live) {
    if (wanted.insert(path).second && !by_path_.contains(path)) difference.missing.push_back(path);
  }
  for (const auto& [path, ordinal] : by_path_) {
    if (!wanted.contains(path)) difference.superfluous.emplace_back(path);
  }
  std::ranges::sort(difference.superfluous);
  return difference;
}

bool FileTable::Describe(IndexState* state) const {
  state->next_ordinal = next_ordinal_;
  state->dead_rows = dead_rows_;
  state->base = base_;
  state->base_checksum = base_checksum_;
  const size_t num_changes = added_since_base_.size() + removed_since_base_.size();
  if (num_changes > kChangesMin + base_size_ / 4) return true;
  state->removed = removed_since_base_;
  for (const uint32_t ordinal : added_since_base_) {
    const File& file = files_.at(ordinal);
    state->added.push_back({.ordinal = ordinal, .num_rows = file.num_rows, .path = file.path});
  }
  return false;
}

std::vector<FileRecord> FileTable::AcceptedFiles() const {
  std::vector<FileRecord> records;
  for (const auto& [ordinal, file] : files_) {
    if (!accepted_.Contains({ordinal})) continue;
    records.push_back({.ordinal = ordinal, .num_rows = file.num_rows, .path = file.path});
  }
  std::ranges::sort(records, {}, &FileRecord::ordinal);
  return records;
}

void FileTable::Published(const IndexState& state) {
  if (state.base == base_) return;
  base_ = state.base;
  base_checksum_ = state.base_checksum;
  base_size_ = files_.size();  // nothing is staged when something is published
  added_since_base_.clear();
  removed_since_base_.clear();
}

int64_t FileTable::memory_bytes() const {
  constexpr int64_t kPerFile = 192;  // nodes and buckets of two maps
  return path_bytes_ + static_cast<int64_t>(files_.size()) * kPerFile +
         static_cast<int64_t>(added_since_base_.size()) * 48 + visible_.memory_bytes() + accepted_.memory_bytes();
}

}  // namespace firn::table::index
