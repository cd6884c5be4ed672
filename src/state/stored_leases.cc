#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "base/uuid.h"
#include "state/documents.h"
#include "state/leases.h"
#include "state/this_process.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr int64_t kLeasesListedMax = 10'000;

/// What a lease document says. docs/decisions/0012-stateless-runs.md.
struct Promise {
  std::string name;
  std::string run_id;
  std::string host;
  std::string scope;  // ProcessScope of the holder
  int64_t process_id = 0;
  int64_t process_start = 0;
  std::string nonce;  // of this write
  Timestamp since;
  Timestamp expires;
  bool released = false;
};

std::string Write(const Promise& promise) {
  const Json json = {{"version", kDocumentVersion},
                     {"name", promise.name},
                     {"run_id", promise.run_id},
                     {"host", promise.host},
                     {"scope", promise.scope},
                     {"process_id", promise.process_id},
                     {"process_start", promise.process_start},
                     {"nonce", promise.nonce},
                     {"since", FormatTimestamp(promise.since)},
                     {"expires", FormatTimestamp(promise.expires)},
                     {"released", promise.released}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// A document that cannot be read promises nothing: nullopt. Errors: E0753.
Result<std::optional<Promise>> Parse(const std::string& location, const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto readable = CheckDocument(location, json);
  if (!readable.ok()) {
    if (FaultOf(readable) == Fault::kConfig) return readable;
    return std::nullopt;
  }
  const auto since = ParseTimestamp(TextOf(json, "since"));
  const auto expires = ParseTimestamp(TextOf(json, "expires"));
  if (!since.ok() || !expires.ok()) return std::nullopt;
  return Promise{.name = TextOf(json, "name"),
                 .run_id = TextOf(json, "run_id"),
                 .host = TextOf(json, "host"),
                 .scope = TextOf(json, "scope"),
                 .process_id = NumberOf(json, "process_id"),
                 .process_start = NumberOf(json, "process_start"),
                 .nonce = TextOf(json, "nonce"),
                 .since = *since,
                 .expires = *expires,
                 .released = json.value("released", Json(false)) == Json(true)};
}

// Only where process ids mean the same, and then for certain.
bool IsSurelyDead(const Promise& promise) {
  return !promise.scope.empty() && promise.scope == ProcessScope() &&
         ProcessStart(promise.process_id) != promise.process_start;
}

LeaseHolder HolderOf(const Promise& promise) {
  return {.process_id = promise.process_id,
          .run_id = promise.run_id,
          .since = promise.since,
          .host = promise.host,
          .expires = promise.expires};
}

std::string NewNonce() {
  return MakeUuid4().ToString();
}

class StoredLeases;

class StoredHeld : public HeldLease {
 public:
  StoredHeld(StoredLeases& leases, std::string location, Promise promise, std::string version,
             std::chrono::steady_clock::time_point until);
  ~StoredHeld() override;
  Status Check() override FIRN_EXCLUDES(mutex_);

 private:
  Status KeepRenewing(std::stop_token stop);
  void Renew();
  void Lose(const std::string& why) FIRN_EXCLUDES(mutex_);
  bool IsLost() FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return !lost_.empty();
  }

  StoredLeases& leases_;
  const std::string location_;
  Promise promise_;      // of the renewing thread; then of the destructor
  std::string version_;  // the same
  Mutex mutex_;
  std::chrono::steady_clock::time_point until_ FIRN_GUARDED_BY(mutex_);
  std::string lost_ FIRN_GUARDED_BY(mutex_);  // why
  TaskGroup renewal_;
};

class StoredLeases : public Leases {
 public:
  StoredLeases(const Clock& clock, io::ConditionalStore& documents, io::FileStore& files, StoredLeasesOptions options)
      : clock_(clock), documents_(documents), files_(files), options_(std::move(options)) {}

  Result<std::unique_ptr<HeldLease>> Acquire(std::string_view name, std::string_view run_id) override;
  Status Check() override FIRN_EXCLUDES(mutex_);
  Result<std::optional<LeaseHolder>> Find(std::string_view name) override;
  Result<std::optional<std::vector<std::string>>> RunsAtWork() override;
  Result<std::optional<LeaseHolder>> Unlock(std::string_view name) override;

 private:
  friend class StoredHeld;
  std::string LocationOf(std::string_view name) const { return options_.folder + "/" + DocumentName(name) + ".json"; }
  Timestamp ExpiryFrom(Timestamp now) const {
    return {.micros = now.micros + std::chrono::microseconds(options_.lifetime).count()};
  }
  bool Binds(const Promise& promise) const {
    const int64_t margin = std::chrono::microseconds(options_.margin).count();
    return !promise.released && clock_.Now().micros <= promise.expires.micros + margin && !IsSurelyDead(promise);
  }
  Status ProveConditions(const std::string& location, const std::string& bytes);
  void Add(StoredHeld* held) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    held_.insert(held);
  }
  void Drop(StoredHeld* held) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    held_.erase(held);
  }

  const Clock& clock_;
  io::ConditionalStore& documents_;
  io::FileStore& files_;
  const StoredLeasesOptions options_;
  Mutex mutex_;
  std::set<StoredHeld*> held_ FIRN_GUARDED_BY(mutex_);
};

Status Busy(const Promise& holder) {
  return MakeError(
      Fault::kBusy,
      "another run of " + holder.name + " is under way: process " + std::to_string(holder.process_id) + " on " +
          holder.host + ", since " + FormatTimestamp(holder.since),
      {.code = "E0752",
       .why = "run " + holder.run_id + " has promised until " + FormatTimestamp(holder.expires) + " and renews that",
       .state = "nothing was started",
       .next = "firn status; if its machine is dead, wait for that time, or firn state unlock"});
}

StoredHeld::StoredHeld(StoredLeases& leases, std::string location, Promise promise, std::string version,
                       std::chrono::steady_clock::time_point until)
    : leases_(leases),
      location_(std::move(location)),
      promise_(std::move(promise)),
      version_(std::move(version)),
      until_(until) {
  leases_.Add(this);
  renewal_.Spawn([this](std::stop_token stop) { return KeepRenewing(std::move(stop)); });
}

StoredHeld::~StoredHeld() {
  renewal_.Stop();
  const Status joined = renewal_.Join();
  leases_.Drop(this);
  if (IsLost() || (!joined.ok() && FaultOf(joined) != Fault::kCancelled)) return;
  promise_.released = true;
  promise_.nonce = NewNonce();
  const auto released = leases_.documents_.Put(location_, Write(promise_), version_);
  if (!released.ok()) log::Warn("lease not given back, it ends by itself", {{"reason", released.status().message()}});
}

Status StoredHeld::KeepRenewing(std::stop_token stop) {
  while (!IsLost()) {
    if (!leases_.clock_.Sleep(leases_.options_.lifetime / 3, stop).ok()) return Status::OK();
    Renew();
  }
  return Status::OK();
}

void StoredHeld::Renew() {
  const auto asked = leases_.clock_.Steady();
  Promise next = promise_;
  next.nonce = NewNonce();
  next.expires = leases_.ExpiryFrom(leases_.clock_.Now());
  auto put = leases_.documents_.Put(location_, Write(next), version_);
  if (!put.ok() && FaultOf(put.status()) == Fault::kConflict) return Lose("somebody else has taken it");
  if (!put.ok()) {  // perhaps it was written after all: the next renewal then finds another version
    log::Warn("lease not renewed", {{"name", promise_.name}, {"reason", put.status().message()}});
    const auto found = leases_.documents_.Read(location_);
    if (!found.ok()) return;
    const auto read = *found ? Parse(location_, (*found)->bytes) : Result<std::optional<Promise>>(std::nullopt);
    if (!read.ok() || !*read) return Lose("its document is gone");
    if ((*read)->nonce == promise_.nonce) return;
    if ((*read)->nonce != next.nonce) return Lose("somebody else has taken it");
    put = (*found)->version;
  }
  promise_ = std::move(next);
  version_ = *std::move(put);
  const MutexLock lock(mutex_);
  until_ = asked + leases_.options_.lifetime;
}

void StoredHeld::Lose(const std::string& why) {
  log::Warn("lease lost", {{"name", promise_.name}, {"reason", why}});
  const MutexLock lock(mutex_);
  lost_ = why;
}

Status StoredHeld::Check() {
  const auto now = leases_.clock_.Steady();
  const MutexLock lock(mutex_);
  if (lost_.empty() && now >= until_) lost_ = "it could not be renewed in time";
  if (lost_.empty()) return Status::OK();
  return MakeError(Fault::kBusy, "this run no longer has the lease of " + promise_.name,
                   {.code = "E0755",
                    .why = lost_,
                    .state = "what was committed before stays; nothing more is",
                    .next = "firn status, then firn run: it goes on from the last commit"});
}

// Seen once in the life of a document: a server that ignores conditions would let two runs in for ever.
Status StoredLeases::ProveConditions(const std::string& location, const std::string& bytes) {
  const auto wrong = documents_.Put(location, bytes, "\"0000000000000000000000000000000f\"");
  if (!wrong.ok()) return FaultOf(wrong.status()) == Fault::kConflict ? Status::OK() : wrong.status();
  return MakeError(Fault::kConfig, "two runs cannot be kept apart at " + location,
                   {.code = "E0756",
                    .why = "the store accepted a write whose condition was not met",
                    .state = "nothing was started",
                    .next = "keep `state` on a store with conditional writes (S3, MinIO, R2), or in a folder"});
}

Result<std::unique_ptr<HeldLease>> StoredLeases::Acquire(std::string_view name, std::string_view run_id) {
  const std::string location = LocationOf(name);
  const auto asked = clock_.Steady();
  ARROW_ASSIGN_OR_RAISE(auto found, documents_.Read(location));
  if (found) {
    ARROW_ASSIGN_OR_RAISE(const auto holder, Parse(location, found->bytes));
    if (holder && Binds(*holder)) return Busy(*holder);
    if (holder && !holder->released) {
      log::Warn("lease of a run that is gone taken over", {{"name", name}, {"run", holder->run_id}});
    }
  }
  const Timestamp now = clock_.Now();
  Promise promise{.name = std::string(name),
                  .run_id = std::string(run_id),
                  .host = HostName(),
                  .scope = ProcessScope(),
                  .process_id = ::getpid(),
                  .process_start = ProcessStart(::getpid()),
                  .nonce = NewNonce(),
                  .since = now,
                  .expires = ExpiryFrom(now)};
  FIRN_FAILPOINT("state.lease.asked");
  const std::string bytes = Write(promise);
  const auto version = found ? std::optional(found->version) : std::nullopt;
  auto put = documents_.Put(location, bytes, version);
  if (!put.ok() && FaultOf(put.status()) == Fault::kConflict) {
    ARROW_ASSIGN_OR_RAISE(const auto holder, Find(name));
    return Busy({.name = std::string(name),
                 .run_id = holder ? holder->run_id : "",
                 .host = holder ? holder->host : "another machine",
                 .process_id = holder ? holder->process_id : 0,
                 .since = holder ? holder->since : now,
                 .expires = holder ? holder->expires : now});
  }
  ARROW_RETURN_NOT_OK(put.status());
  if (!found) ARROW_RETURN_NOT_OK(ProveConditions(location, bytes));
  FIRN_FAILPOINT("state.lease.locked");
  return std::make_unique<StoredHeld>(*this, location, std::move(promise), *std::move(put), asked + options_.lifetime);
}

Status StoredLeases::Check() {
  const MutexLock lock(mutex_);
  for (StoredHeld* held : held_) ARROW_RETURN_NOT_OK(held->Check());
  return Status::OK();
}

Result<std::optional<LeaseHolder>> StoredLeases::Find(std::string_view name) {
  const std::string location = LocationOf(name);
  ARROW_ASSIGN_OR_RAISE(const auto found, documents_.Read(location));
  if (!found) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto promise, Parse(location, found->bytes));
  if (!promise || !Binds(*promise)) return std::nullopt;
  return HolderOf(*promise);
}

Result<std::optional<std::vector<std::string>>> StoredLeases::RunsAtWork() {
  std::vector<std::string> runs;
  ARROW_ASSIGN_OR_RAISE(const auto listed, files_.List(options_.folder, kLeasesListedMax));
  for (const io::FileInfo& file : listed) {
    if (!file.location.ends_with(".json")) continue;
    ARROW_ASSIGN_OR_RAISE(const auto found, documents_.Read(file.location));
    if (!found) continue;
    ARROW_ASSIGN_OR_RAISE(const auto promise, Parse(file.location, found->bytes));
    if (promise && Binds(*promise)) runs.push_back(promise->run_id);
  }
  return runs;
}

Result<std::optional<LeaseHolder>> StoredLeases::Unlock(std::string_view name) {
  const std::string location = LocationOf(name);
  ARROW_ASSIGN_OR_RAISE(const auto found, documents_.Read(location));
  if (!found) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto promise, Parse(location, found->bytes));
  if (promise && promise->released) return std::nullopt;
  const std::optional<LeaseHolder> holder = promise ? HolderOf(*promise) : LeaseHolder{};
  Promise released = promise.value_or(Promise{.name = std::string(name)});
  released.released = true;
  released.nonce = NewNonce();
  ARROW_RETURN_NOT_OK(documents_.Put(location, Write(released), found->version).status());
  return holder;
}

}  // namespace

std::unique_ptr<Leases> MakeStoredLeases(const Clock& clock, io::ConditionalStore& documents, io::FileStore& files,
                                         StoredLeasesOptions options) {
  return std::make_unique<StoredLeases>(clock, documents, files, std::move(options));
}

}  // namespace firn::state
