#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include "base/random.h"
#include "table/index/key_index.h"
#include "table/index/key_index_test_support.h"

namespace firn::table::index {

/// An index beside its model. Every operation is done to both and the answers are compared.
class ModelledIndex {
 public:
  ModelledIndex(io::FileStore& files, KeyIndexOptions options, uint64_t seed)
      : files_(files), options_(std::move(options)), random_(seed) {}

  void Create() {
    auto index = KeyIndex::Create(files_, options_);
    ASSERT_OK(index.status());
    index_ = std::move(*index);
  }
  /// Drops everything that was not published, as a crash does.
  void Reopen() {
    index_.reset();
    auto opened = KeyIndex::Open(files_, options_);
    ASSERT_OK(opened.status());
    ASSERT_NE(opened->index, nullptr) << opened->why;
    index_ = std::move(opened->index);
    accepted = published;
    staged = published;
    ASSERT_EQ(index_->snapshot(), published.snapshot);
  }
  /// One random operation.
  void Step(int64_t num_keys) {
    switch (random_.Below(13)) {
      case 0:
      case 1:
      case 2:
        return Upsert(SomeKeys(num_keys));
      case 3:
        return Delete(SomeKeys(num_keys));
      case 4:
        return Add(SomeKeys(num_keys));
      case 5:
        return RemoveRows(SomeKeys(num_keys));
      case 6:
        return Lookup(SomeKeys(num_keys));
      case 7:
        return RemoveSomeFile();
      case 8:
        return Compact();
      case 9:
        return Publish();
      case 10:
        return random_.Below(2) == 0 ? Discard() : Accept();
      case 11:
        return Maintain();
      default:
        if (published.snapshot.has_value() && random_.Below(3) == 0) Reopen();
        return;
    }
  }

  void Upsert(const std::vector<int64_t>& keys) {
    const auto rows = NewRows(keys);
    auto before = index_->Upsert(Hashes(keys), rows, Verifier());
    ASSERT_OK(before.status());
    ASSERT_EQ(*before, staged.Lookup(keys));
    for (size_t i = 0; i < keys.size(); ++i) staged.rows[keys[i]] = {rows[i]};
  }
  void Delete(const std::vector<int64_t>& keys) {
    auto before = index_->Delete(Hashes(keys), Verifier());
    ASSERT_OK(before.status());
    ASSERT_EQ(*before, staged.Lookup(keys));
    for (const int64_t key : keys) staged.rows.erase(key);
  }
  void Add(const std::vector<int64_t>& keys) {
    const auto rows = NewRows(keys);
    ASSERT_OK(index_->Add(Hashes(keys), rows));
    for (size_t i = 0; i < keys.size(); ++i) staged.rows[keys[i]].insert(rows[i]);
  }
  void RemoveRows(const std::vector<int64_t>& keys) {
    std::vector<int64_t> gone;
    std::vector<RowAddress> rows;
    for (const KeyMatch& match : staged.Lookup(keys)) {
      if (random_.Below(2) == 0) continue;
      gone.push_back(keys[match.key]);
      rows.push_back(match.row);
      staged.rows[keys[match.key]].erase(match.row);
    }
    ASSERT_OK(index_->Remove(Hashes(gone), rows));
  }
  void Lookup(const std::vector<int64_t>& keys) {
    auto found = index_->Lookup(Hashes(keys), Verifier());
    ASSERT_OK(found.status());
    ASSERT_EQ(*found, staged.Lookup(keys));
  }
  void LookupAll(int64_t num_keys) {
    std::vector<int64_t> keys;
    for (int64_t key = 0; key < num_keys; ++key) keys.push_back(key);
    Lookup(keys);
  }
  void RemoveSomeFile() {
    if (staged.files.size() < 4) return;
    auto file = staged.files.begin();
    std::advance(file, random_.Below(staged.files.size()));
    ASSERT_OK(index_->RemoveFile(file->first));
    staged.RemoveFile(file->second);
    staged.files.erase(file);
  }
  /// As a foreign writer would: the rows of some files move into a new one.
  void Compact() {
    std::vector<std::pair<int64_t, RowAddress>> moving;
    std::vector<std::string> gone;
    for (const auto& [path, file] : staged.files) {
      if (random_.Below(3) == 0) gone.push_back(path);
    }
    for (const std::string& path : gone) {
      for (const auto& [key, places] : staged.rows) {
        for (const RowAddress& row : places) {
          if (row.file == staged.files[path]) moving.emplace_back(key, row);
        }
      }
      ASSERT_OK(index_->RemoveFile(path));
      staged.RemoveFile(staged.files[path]);
      staged.files.erase(path);
    }
    std::vector<int64_t> keys;
    for (const auto& [key, row] : moving) keys.push_back(key);
    Add(keys);
  }
  void Accept() {
    staged.snapshot = At(++sequence_);
    ASSERT_OK(index_->Accept(*staged.snapshot));
    accepted = staged;
  }
  void Publish() {
    staged.snapshot = At(++sequence_);
    ASSERT_OK(index_->Publish(*staged.snapshot));
    accepted = staged;
    published = staged;
  }
  void Discard() {
    ASSERT_OK(index_->Discard());
    staged = accepted;
  }
  void Maintain() { ASSERT_OK(index_->Maintain(static_cast<int64_t>(random_.Below(2000))).status()); }

  std::vector<int64_t> SomeKeys(int64_t num_keys) {
    std::set<int64_t> keys;
    const uint64_t count = random_.Below(60);
    while (keys.size() < count) keys.insert(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(num_keys))));
    std::vector<int64_t> shuffled(keys.begin(), keys.end());
    for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random_.Below(i)]);
    return shuffled;
  }
  std::vector<KeyHash> Hashes(const std::vector<int64_t>& keys) const {
    std::vector<KeyHash> hashes;
    for (const int64_t key : keys) {
      hashes.push_back(SipHash128(index_->secret(), {reinterpret_cast<const char*>(&key), sizeof key}));
    }
    batch_ = keys;
    return hashes;
  }
  KeyVerifier Verifier() {
    return [this](std::span<const KeyMatch> candidates, std::span<uint8_t> equal) {
      for (size_t i = 0; i < candidates.size(); ++i) {
        EXPECT_TRUE(i == 0 || candidates[i - 1].row <= candidates[i].row);
        equal[i] = stored_.at(candidates[i].row) == batch_[candidates[i].key] ? 1 : 0;
        ++num_verified;
      }
      return Status::OK();
    };
  }
  KeyIndex& index() { return *index_; }
  void Close() { index_.reset(); }

  Model staged, accepted, published;
  int64_t num_verified = 0;

 private:
  std::vector<RowAddress> NewRows(const std::vector<int64_t>& keys) {
    std::vector<RowAddress> rows;
    const std::string path = "/lake/t/data/" + std::to_string(num_files_++) + ".parquet";
    const auto file = index_->AddFile(path);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    staged.files[path] = *file;
    int64_t position = 0;
    for (const int64_t key : keys) {
      rows.push_back({.file = *file, .position = position++});
      stored_[rows.back()] = key;
    }
    return rows;
  }

  io::FileStore& files_;
  const KeyIndexOptions options_;
  Random random_;
  std::unique_ptr<KeyIndex> index_;
  std::map<RowAddress, int64_t> stored_;  // what a data file would say
  mutable std::vector<int64_t> batch_;    // the keys last hashed
  int64_t sequence_ = 0;
  int64_t num_files_ = 0;
};

}  // namespace firn::table::index
