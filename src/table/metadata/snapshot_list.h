#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "table/metadata/snapshot.h"

namespace firn::table {

/// The snapshots of a table in the order of the metadata file. Reads like a std::vector<const Snapshot>. Copies share
/// the snapshots and their JSON text, because every commit copies the metadata and writes it whole, and all of its
/// snapshots but one are those of the commit before. Thread-safe as a value is; shared snapshots never change.
class SnapshotList {
 public:
  class Iterator;
  using value_type = Snapshot;
  using const_iterator = Iterator;
  using const_reverse_iterator = std::reverse_iterator<Iterator>;

  SnapshotList() = default;
  explicit SnapshotList(std::vector<Snapshot> snapshots);

  Iterator begin() const;
  Iterator end() const;
  const_reverse_iterator rbegin() const;
  const_reverse_iterator rend() const;
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const Snapshot& operator[](size_t index) const { return entries_[index]->snapshot; }
  const Snapshot& back() const { return entries_.back()->snapshot; }

  void push_back(Snapshot snapshot);
  void clear() { entries_.clear(); }
  /// Removes what `gone` says; returns how many.
  size_t EraseIf(const std::function<bool(const Snapshot&)>& gone);

  /// WriteSnapshot of one of them; made once, however many copies of the list ask. Borrowed from the list.
  const std::string& Json(size_t index) const;

  friend bool operator==(const SnapshotList& a, const SnapshotList& b);

 private:
  struct Entry {
    explicit Entry(Snapshot of) : snapshot(std::move(of)) {}
    const Snapshot snapshot;
    mutable std::once_flag once;
    mutable std::string json;
  };
  std::vector<std::shared_ptr<const Entry>> entries_;
};

/// A random access iterator; what it points at lives as long as any list that holds the snapshot.
class SnapshotList::Iterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = Snapshot;
  using difference_type = std::ptrdiff_t;
  using pointer = const Snapshot*;
  using reference = const Snapshot&;
  using Place = std::vector<std::shared_ptr<const Entry>>::const_iterator;

  Iterator() = default;
  explicit Iterator(Place place) : place_(place) {}
  reference operator*() const { return (*place_)->snapshot; }
  pointer operator->() const { return &(*place_)->snapshot; }
  reference operator[](difference_type n) const { return place_[n]->snapshot; }
  Iterator& operator++() { return *this += 1; }
  Iterator& operator--() { return *this += -1; }
  Iterator operator++(int) { return Iterator(place_++); }
  Iterator operator--(int) { return Iterator(place_--); }
  Iterator& operator+=(difference_type n) {
    place_ += n;
    return *this;
  }
  Iterator& operator-=(difference_type n) { return *this += -n; }
  friend Iterator operator+(Iterator a, difference_type n) { return a += n; }
  friend Iterator operator+(difference_type n, Iterator a) { return a += n; }
  friend Iterator operator-(Iterator a, difference_type n) { return a -= n; }
  friend difference_type operator-(const Iterator& a, const Iterator& b) { return a.place_ - b.place_; }
  friend auto operator<=>(const Iterator& a, const Iterator& b) { return a.place_ <=> b.place_; }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.place_ == b.place_; }

 private:
  Place place_;
};

inline SnapshotList::Iterator SnapshotList::begin() const {
  return Iterator(entries_.begin());
}
inline SnapshotList::Iterator SnapshotList::end() const {
  return Iterator(entries_.end());
}
inline SnapshotList::const_reverse_iterator SnapshotList::rbegin() const {
  return const_reverse_iterator(end());
}
inline SnapshotList::const_reverse_iterator SnapshotList::rend() const {
  return const_reverse_iterator(begin());
}

}  // namespace firn::table
