#pragma once

#include <mutex>

/// Names for clang's thread safety analysis (-Wthread-safety); empty for other compilers. libstdc++'s own mutex carries
/// no annotations, so members that clang shall check are guarded by the Mutex below.
#if defined(__clang__)
#define FIRN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define FIRN_THREAD_ATTRIBUTE(x)
#endif

#define FIRN_CAPABILITY(name) FIRN_THREAD_ATTRIBUTE(capability(name))
#define FIRN_SCOPED_CAPABILITY FIRN_THREAD_ATTRIBUTE(scoped_lockable)
#define FIRN_GUARDED_BY(mutex) FIRN_THREAD_ATTRIBUTE(guarded_by(mutex))
#define FIRN_PT_GUARDED_BY(mutex) FIRN_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
#define FIRN_REQUIRES(...) FIRN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define FIRN_EXCLUDES(...) FIRN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define FIRN_ACQUIRE(...) FIRN_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define FIRN_RELEASE(...) FIRN_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define FIRN_TRY_ACQUIRE(...) FIRN_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define FIRN_NO_THREAD_SAFETY_ANALYSIS FIRN_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace firn {

/// std::mutex with annotations. Usable with std::condition_variable_any through MutexLock.
class FIRN_CAPABILITY("mutex") Mutex {
 public:
  void lock() FIRN_ACQUIRE() { mutex_.lock(); }
  void unlock() FIRN_RELEASE() { mutex_.unlock(); }
  bool try_lock() FIRN_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope. lock/unlock are for condition variables alone.
class FIRN_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FIRN_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() FIRN_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  void lock() FIRN_NO_THREAD_SAFETY_ANALYSIS { mutex_.lock(); }
  void unlock() FIRN_NO_THREAD_SAFETY_ANALYSIS { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

}  // namespace firn
