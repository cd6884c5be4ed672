#include "source/files/fetch_ahead.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <utility>

#include "io/file_store.h"

namespace firn::source::files {

Result<std::optional<FetchedFile>> FetchFile(const FilePlace& place, const FoundFile& file, const Clock& clock) {
  FetchedFile out{.bytes = nullptr, .etag = {}, .begun_micros = clock.Now().micros};
  ARROW_ASSIGN_OR_RAISE(const auto before, StampNow(place, file.path));
  if (!before || !IsAsListed(place, file.stamp, *before)) return std::nullopt;
  auto read = place.store->ReadRange(place.LocationOf(file.path), 0, file.stamp.size);
  if (!read.ok() && (io::IsNotFound(read.status()) || FaultOf(read.status()) == Fault::kBadData)) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(out.bytes, std::move(read));
  ARROW_ASSIGN_OR_RAISE(const auto after, StampNow(place, file.path));
  if (!after || !IsAsListed(place, file.stamp, *after) || after->etag != before->etag) return std::nullopt;
  out.etag = before->etag;
  return out;
}

FetchAhead::FetchAhead(const FilePlace& place, const Clock& clock, std::vector<FoundFile> files, Options options)
    : place_(place), clock_(clock), files_(std::move(files)), options_(options) {
  for (int i = 0; i < options_.threads; ++i) {
    workers_.Spawn([this](std::stop_token stop) { return Work(std::move(stop)); });
  }
}

bool FetchAhead::HasRoom() const {
  return held_bytes_ == 0 || held_bytes_ + files_[next_].stamp.size <= options_.bytes_max;
}

Status FetchAhead::Work(std::stop_token stop) {
  while (true) {
    size_t index = 0;
    {
      MutexLock lock(mutex_);
      changed_.wait(lock, stop, [this]() FIRN_REQUIRES(mutex_) { return next_ == files_.size() || HasRoom(); });
      if (stop.stop_requested() || next_ == files_.size()) return Status::OK();
      index = next_++;
      held_bytes_ += files_[index].stamp.size;
    }
    Fetched fetched = FetchFile(place_, files_[index], clock_);
    MutexLock lock(mutex_);
    if (index >= taken_) {
      fetched_.emplace(index, std::move(fetched));
    } else {
      held_bytes_ -= files_[index].stamp.size;  // it was left out meanwhile
    }
    changed_.notify_all();
  }
}

void FetchAhead::DropBefore(size_t index) {
  for (; taken_ < index; ++taken_) {
    next_ = std::max(next_, taken_ + 1);
    if (fetched_.erase(taken_) > 0) held_bytes_ -= files_[taken_].stamp.size;
  }
}

std::optional<size_t> FetchAhead::PlaceOf(const FoundFile& file) const {
  for (size_t index = taken_; index < files_.size(); ++index) {
    if (files_[index].path == file.path) return index;
  }
  return std::nullopt;
}

std::optional<FetchAhead::Fetched> FetchAhead::Await(const FoundFile& file, std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto index = PlaceOf(file);
  if (!index) return std::nullopt;
  DropBefore(*index);
  changed_.notify_all();
  if (!changed_.wait(lock, stop, [this, index]() FIRN_REQUIRES(mutex_) { return fetched_.contains(*index); })) {
    return MakeError(Fault::kCancelled, "stopped while reading files");
  }
  Fetched fetched = std::move(fetched_.at(*index));
  DropBefore(*index + 1);
  changed_.notify_all();
  return fetched;
}

Result<std::optional<FetchedFile>> FetchAhead::Take(const FoundFile& file, std::stop_token stop) {
  auto fetched = Await(file, std::move(stop));
  return fetched ? *std::move(fetched) : FetchFile(place_, file, clock_);  // it was dropped, or never among them
}

}  // namespace firn::source::files
