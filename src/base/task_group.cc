#include "base/task_group.h"

#include <exception>
#include <system_error>

namespace firn {
namespace {

// Exceptions of std end here: a thread top is one of the places where they may be caught (STYLE.md §3).
Status RunTask(const std::function<Status(std::stop_token)>& task, std::stop_token stop) {
  try {
    return task(std::move(stop));
  } catch (const std::exception& error) {
    return MakeError(Fault::kBug, "a task threw: " + std::string(error.what()));
  } catch (...) {
    return MakeError(Fault::kBug, "a task threw");
  }
}

}  // namespace

TaskGroup::TaskGroup() : TaskGroup(std::stop_token()) {}

TaskGroup::TaskGroup(std::stop_token parent) : parent_(std::move(parent), [this] { stop_.request_stop(); }) {}

TaskGroup::~TaskGroup() {
  Stop();
  static_cast<void>(Join());  // the owner did not ask: it is leaving with an error of its own
}

void TaskGroup::Stop() {
  stop_.request_stop();
}

void TaskGroup::Start(std::function<Status(std::stop_token)> task) {
  auto body = [this, task = std::move(task)] {
    const Status status = RunTask(task, stop_.get_token());
    if (!status.ok()) Record(status);
  };
  try {
    MutexLock lock(mutex_);
    threads_.emplace_back(std::move(body));
    return;
  } catch (const std::system_error& error) {
    Record(MakeError(Fault::kTransient, "a thread cannot be started: " + std::string(error.what())));
  }
}

void TaskGroup::Record(const Status& status) {
  {
    MutexLock lock(mutex_);
    const bool only_cancelled = !first_error_.ok() && FaultOf(first_error_) == Fault::kCancelled;
    if (first_error_.ok() || (only_cancelled && FaultOf(status) != Fault::kCancelled)) first_error_ = status;
  }
  Stop();  // after recording: what the others return because of it comes second
}

Status TaskGroup::Join() {
  for (;;) {
    std::vector<std::thread> threads;
    {
      MutexLock lock(mutex_);
      threads.swap(threads_);
      if (threads.empty()) return first_error_;
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace firn
