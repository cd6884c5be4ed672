#include "server/catalog/idempotency.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/uuid.h"
#include "server/catalog/json.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

constexpr size_t kLineBytesMax = size_t{4} << 20;  // larger answers are given again from memory alone
constexpr int64_t kLogBytesMax = int64_t{256} << 20;

bool IsFinal(int status) {
  if (status >= 500) return false;
  return status != 401 && status != 403 && status != 408 && status != 429;
}

std::string Fingerprint(const io::ServedRequest& request, const std::string& caller) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += "\n" + name + "=" + value;
  text += "\n" + caller + "\n\n";
  return Sha256Hex(text + request.body);
}

// {"version", "key", "fingerprint", "made_ms", "status", "body", "headers"}; empty: not to be kept.
std::string LineOf(const std::string& key, const std::string& fingerprint, Timestamp made,
                   const io::ServedResponse& response) {
  const bool secret = response.body.find("secret-access-key") != std::string::npos;
  if (secret || response.body.size() > kLineBytesMax) return "";
  Json headers = Json::object();
  for (const auto& [name, value] : response.headers) headers[name] = value;
  return Dump({{"version", 1},
               {"key", key},
               {"fingerprint", fingerprint},
               {"made_ms", made.micros / 1000},
               {"status", response.status},
               {"body", response.body},
               {"headers", headers}});
}

struct KeptAnswer {
  std::string key, fingerprint;
  Timestamp made;
  io::ServedResponse response;
};

std::optional<KeptAnswer> ParseLine(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("version", Json()) != 1) return std::nullopt;
  for (const char* text : {"key", "fingerprint", "body"}) {
    if (!json.contains(text) || !json[text].is_string()) return std::nullopt;
  }
  for (const char* number : {"made_ms", "status"}) {
    if (!json.contains(number) || !json[number].is_number_integer()) return std::nullopt;
  }
  KeptAnswer kept{.key = json["key"], .fingerprint = json["fingerprint"]};
  kept.made = Timestamp{json["made_ms"].get<int64_t>() * 1000};
  kept.response = {.status = json["status"].get<int>(), .body = json["body"].get<std::string>()};
  if (const auto headers = json.find("headers"); headers != json.end() && headers->is_object()) {
    for (const auto& [name, value] : headers->items()) {
      if (value.is_string()) kept.response.headers.Add(name, value.get<std::string>());
    }
  }
  return kept;
}

}  // namespace

Result<std::unique_ptr<Idempotency>> Idempotency::Open(const Clock& clock, const std::string& path) {
  auto idempotency = std::make_unique<Idempotency>(clock);
  if (!path.empty()) ARROW_RETURN_NOT_OK(idempotency->Load(path));
  return idempotency;
}

Status Idempotency::Load(const std::string& path) {
  MutexLock log_lock(log_mutex_);
  auto lock = io::ProcessLock::Acquire(path + ".lock");
  if (!lock.ok() && FaultOf(lock.status()) == Fault::kBusy) {
    log::Warn("another server keeps the Idempotency-Keys of this lake: ours are kept in memory", {{"file", path}});
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(lock.status());
  lock_ = *std::move(lock);
  std::vector<std::string> lines;
  ARROW_ASSIGN_OR_RAISE(log_, io::AppendLog::Open(path, kLogBytesMax, &lines));
  MutexLock entries_lock(mutex_);
  for (const std::string& line : lines) {
    auto kept = ParseLine(line);
    if (!kept || entries_.contains(kept->key)) continue;
    ages_.push_back(kept->key);
    bytes_ += kept->response.body.size();
    entries_[kept->key] = {.fingerprint = std::move(kept->fingerprint),
                           .done = true,
                           .response = std::move(kept->response),
                           .made = kept->made,
                           .age = std::prev(ages_.end())};
  }
  Forget(clock_.Now());
  return Status::OK();
}

// Before the answer leaves: a client that has heard it never asks again, one that has not may ask another process.
void Idempotency::Keep(const std::string& key, const Entry& entry) {
  MutexLock log_lock(log_mutex_);
  if (!log_) return;
  const std::string line = LineOf(key, entry.fingerprint, entry.made, entry.response);
  if (line.empty()) return;
  Status kept = log_->Append(line);
  if (kept.ok() && log_->bytes() > kLogBytesMax / 2) kept = log_->Rewrite(Lines());
  if (!kept.ok()) log::Warn("an Idempotency-Key was not made durable", {{"reason", kept.message()}});
}

std::vector<std::string> Idempotency::Lines() {
  MutexLock lock(mutex_);
  Forget(clock_.Now());
  std::vector<std::string> lines;
  for (const std::string& key : ages_) {
    const Entry& entry = entries_[key];
    if (!entry.done) continue;
    std::string line = LineOf(key, entry.fingerprint, entry.made, entry.response);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

io::ServedResponse Idempotency::Once(const io::ServedRequest& request, const std::string& caller, std::stop_token stop,
                                     const std::function<io::ServedResponse()>& serve) {
  const auto header = request.headers.Get("Idempotency-Key");
  if (!header) return serve();
  const std::string key(*header);
  if (!ParseUuid(key).ok()) return ErrorAnswer(BadRequest("Invalid Idempotency-Key: must be a UUID"));
  const std::string fingerprint = Fingerprint(request, caller);
  {
    MutexLock lock(mutex_);
    Forget(clock_.Now());
    while (true) {
      const auto found = entries_.find(key);
      if (found == entries_.end()) break;
      if (found->second.fingerprint != fingerprint) {
        return ErrorAnswer(
            RestError(422, "UnprocessableEntityException", "Idempotency-Key was used for another request"));
      }
      if (found->second.done) return found->second.response;
      if (stop.stop_requested()) return ErrorAnswer(MakeError(Fault::kCancelled, "stopped"));
      changed_.wait_for(lock, std::chrono::milliseconds(100));
    }
    ages_.push_back(key);
    entries_[key] = {.fingerprint = fingerprint, .made = clock_.Now(), .age = std::prev(ages_.end())};
  }
  io::ServedResponse response = serve();
  if (IsFinal(response.status)) Keep(key, {.fingerprint = fingerprint, .response = response, .made = clock_.Now()});
  MutexLock lock(mutex_);
  const auto entry = entries_.find(key);  // an entry that is not done is never forgotten
  if (IsFinal(response.status)) {
    entry->second.done = true;
    entry->second.response = response;
    bytes_ += response.body.size();
  } else {
    Erase(entry);
  }
  changed_.notify_all();
  return response;
}

void Idempotency::Erase(std::map<std::string, Entry>::iterator entry) {
  if (entry->second.done) bytes_ -= entry->second.response.body.size();
  ages_.erase(entry->second.age);
  entries_.erase(entry);
}

void Idempotency::Forget(Timestamp now) {
  const int64_t lifetime = std::chrono::microseconds(kLifetime).count();
  for (auto age = ages_.begin(); age != ages_.end();) {
    const auto entry = entries_.find(*age++);
    const bool old = now.micros - entry->second.made.micros > lifetime;
    if (!old && entries_.size() < kEntriesMax && bytes_ < kBytesMax) return;
    if (entry->second.done) Erase(entry);
  }
}

}  // namespace firn::server
