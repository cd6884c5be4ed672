#include "io/background_sync.h"

#include <utility>

namespace firn::io {

Status BackgroundSync::Write(const std::string& location, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto output, files_.OpenOutput(location, {.durability = Durability::kFileOnly}));
  ARROW_RETURN_NOT_OK(output->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
  Begin([output] { return output->Close(); });
  return Status::OK();
}

void BackgroundSync::SyncFolder(const std::string& folder) {
  Begin([this, folder] { return files_.SyncFolder(folder); });
}

void BackgroundSync::Begin(std::function<Status()> task) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(task));
    if (num_threads_ == kThreadsMax) return;
    ++num_threads_;
  }
  group_.Spawn([this](std::stop_token) { return Work(); });
}

// Goes on after an error: the other files are as good as before, and their owner removes them by name.
Status BackgroundSync::Work() {
  Status first;
  while (true) {
    std::function<Status()> task;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty()) {
        --num_threads_;
        return first;
      }
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Status done = task();
    if (first.ok()) first = done;
  }
}

Status BackgroundSync::Wait() {
  MutexLock lock(join_mutex_);
  return group_.Join();
}

}  // namespace firn::io
