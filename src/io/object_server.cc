#include "io/object_server.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "base/thread_annotations.h"
#include "io/scripted_server.h"

namespace firn::io {
namespace {

using Fault_ = ObjectServerFault;

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 2 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
    i += 2;
  }
  return out;
}

/// Undoes Content-Encoding: aws-chunked (S3 API reference, "Signature Calculations: transferring payload in chunks"):
/// lines "<hex size>[;chunk-signature=…]\r\n", the bytes, "\r\n", until size 0; trailers after it are left out.
std::string WithoutChunks(std::string_view body) {
  std::string out;
  while (true) {
    const size_t line = body.find("\r\n");
    if (line == std::string_view::npos) return out;
    const size_t size = std::strtoul(std::string(body.substr(0, line)).c_str(), nullptr, 16);
    if (size == 0 || line + 2 + size > body.size()) return out;
    out += body.substr(line + 2, size);
    body.remove_prefix(std::min(body.size(), line + 2 + size + 2));
  }
}

struct Request {
  std::string method;
  std::string bucket;
  std::string key;
  std::map<std::string, std::string> query;
  const HttpHeaders& headers;
  std::string body;

  bool Has(const std::string& name) const { return query.contains(name); }
  std::string Kind() const { return method == "POST" && Has("uploadId") ? "COMPLETE" : method; }
};

Request Parse(const ScriptedRequest& raw) {
  Request request{.method = raw.method, .bucket = {}, .key = {}, .query = {}, .headers = raw.headers, .body = raw.body};
  const size_t mark = raw.target.find('?');
  const std::string path = Decoded(std::string_view(raw.target).substr(0, mark));
  const size_t slash = path.find('/', 1);
  request.bucket = path.substr(1, slash == std::string::npos ? slash : slash - 1);
  if (slash != std::string::npos) request.key = path.substr(slash + 1);
  std::string_view rest = mark == std::string::npos ? "" : std::string_view(raw.target).substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    request.query[Decoded(pair.substr(0, equals))] = Decoded(pair.substr(std::min(equals + 1, pair.size())));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto encoding = raw.headers.Get("Content-Encoding");
  if (encoding && encoding->find("aws-chunked") != std::string_view::npos) request.body = WithoutChunks(raw.body);
  return request;
}

ScriptedReply Xml(int status, const std::string& text) {
  return Reply(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + text, {{"Content-Type", "application/xml"}});
}

ScriptedReply Error(int status, const std::string& code) {
  return Xml(status, "<Error><Code>" + code + "</Code><Message>as the test wants</Message></Error>");
}

struct Object {
  std::string bytes;
  std::string writer;  // x-amz-meta-firn-writer
};

class MemoryObjectServer : public ObjectServer {
 public:
  explicit MemoryObjectServer(std::string bucket) : bucket_(std::move(bucket)) {}

  Status Listen() {
    ARROW_ASSIGN_OR_RAISE(server_, ScriptedServer::Start([this](const ScriptedRequest& raw) { return Answer(raw); }));
    return Status::OK();
  }

  std::string endpoint() const override { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  void Put(const std::string& key, std::string bytes) override {
    MutexLock lock(mutex_);
    objects_[key] = {.bytes = std::move(bytes), .writer = ""};
  }
  std::optional<std::string> Get(const std::string& key) const override {
    MutexLock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? std::nullopt : std::optional(found->second.bytes);
  }
  int num_uploads() const override {
    MutexLock lock(mutex_);
    return static_cast<int>(uploads_.size());
  }
  std::vector<std::string> log() const override {
    MutexLock lock(mutex_);
    return log_;
  }
  void FailNext(const std::string& kind, int count, ObjectServerFault fault) override {
    MutexLock lock(mutex_);
    faults_[kind] = {count, fault};
  }
  void set_page_size(int keys) override {
    MutexLock lock(mutex_);
    page_size_ = keys;
  }
  void set_knows_conditions(bool knows) override {
    MutexLock lock(mutex_);
    knows_conditions_ = knows;
  }
  void set_denies(bool denies) override {
    MutexLock lock(mutex_);
    denies_ = denies;
  }

 private:
  ScriptedReply Answer(const ScriptedRequest& raw) {
    const Request request = Parse(raw);
    MutexLock lock(mutex_);
    const bool if_absent = request.headers.Get("If-None-Match") == "*";
    log_.push_back(request.method + " " + request.key + (if_absent ? " if-absent" : ""));
    const Fault_ fault = NextFault(request.Kind());
    const ScriptedReply reset{.bytes = "", .end = ScriptedReply::End::kReset};
    if (fault == Fault_::kReset) return reset;
    ScriptedReply reply;
    if (fault == Fault_::kBefore) {
      reply = Error(500, "InternalError");
    } else if (fault == Fault_::kSlowDown) {
      reply = Error(503, "SlowDown");
    } else {
      reply = denies_ ? Error(403, "AccessDenied") : Handle(request, if_absent);
    }
    if (fault == Fault_::kAfter) reply = Error(500, "InternalError");
    if (request.method == "HEAD") reply.bytes.resize(reply.bytes.find("\r\n\r\n") + 4);
    if (fault == Fault_::kResetAfter) return reset;
    if (fault == Fault_::kCutBody) {
      reply.bytes.resize(reply.bytes.size() / 2);
      reply.end = ScriptedReply::End::kClose;
    }
    return reply;
  }

  Fault_ NextFault(const std::string& kind) FIRN_REQUIRES(mutex_) {
    for (const std::string& name : {kind, std::string()}) {
      const auto found = faults_.find(name);
      if (found == faults_.end() || found->second.first == 0) continue;
      --found->second.first;
      return found->second.second;
    }
    return Fault_::kNone;
  }

  ScriptedReply Handle(const Request& request, bool if_absent) FIRN_REQUIRES(mutex_) {
    if (request.bucket != bucket_) return Error(404, "NoSuchBucket");
    if (request.method == "PUT" && request.Has("uploadId")) return PutPart(request);
    if (request.method == "PUT") return PutObject(request, if_absent);
    if (request.method == "POST") return request.Has("uploads") ? BeginUpload(request) : CompleteUpload(request);
    if (request.method == "DELETE") return Delete(request);
    if (request.method == "GET" && request.key.empty()) return List(request);
    if (request.key.empty()) return Reply(200, "");
    return Read(request);
  }

  ScriptedReply PutObject(const Request& request, bool if_absent) FIRN_REQUIRES(mutex_) {
    if (if_absent && !knows_conditions_) return Error(501, "NotImplemented");
    if (if_absent && objects_.contains(request.key)) return Error(412, "PreconditionFailed");
    objects_[request.key] = {.bytes = request.body,
                             .writer = std::string(request.headers.Get("x-amz-meta-firn-writer").value_or(""))};
    return Reply(200, "", {{"ETag", "\"e\""}});
  }

  ScriptedReply BeginUpload(const Request& request) FIRN_REQUIRES(mutex_) {
    const std::string id = "upload" + std::to_string(++last_upload_);
    uploads_[id];
    return Xml(200, "<InitiateMultipartUploadResult><Bucket>" + bucket_ + "</Bucket><Key>" + request.key +
                        "</Key><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>");
  }

  ScriptedReply PutPart(const Request& request) FIRN_REQUIRES(mutex_) {
    const auto upload = uploads_.find(request.query.at("uploadId"));
    if (upload == uploads_.end()) return Error(404, "NoSuchUpload");
    upload->second[std::atoi(request.query.at("partNumber").c_str())] = request.body;
    return Reply(200, "", {{"ETag", "\"p\""}});
  }

  ScriptedReply CompleteUpload(const Request& request) FIRN_REQUIRES(mutex_) {
    const auto upload = uploads_.find(request.query.at("uploadId"));
    if (upload == uploads_.end()) return Error(404, "NoSuchUpload");
    std::string bytes;
    for (const auto& [number, part] : upload->second) bytes += part;
    objects_[request.key] = {.bytes = std::move(bytes), .writer = ""};
    uploads_.erase(upload);
    return Xml(200, "<CompleteMultipartUploadResult><Key>" + request.key +
                        "</Key><ETag>\"m\"</ETag></CompleteMultipartUploadResult>");
  }

  ScriptedReply Delete(const Request& request) FIRN_REQUIRES(mutex_) {
    if (request.Has("uploadId")) {
      uploads_.erase(request.query.at("uploadId"));
    } else {
      objects_.erase(request.key);
    }
    return {.bytes = "HTTP/1.1 204 No Content\r\n\r\n"};
  }

  ScriptedReply Read(const Request& request) FIRN_REQUIRES(mutex_) {
    const auto found = objects_.find(request.key);
    if (found == objects_.end()) return Error(404, "NoSuchKey");
    const std::string& bytes = found->second.bytes;
    HttpHeaders headers = {{"ETag", "\"e\""}, {"Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT"}};
    if (!found->second.writer.empty()) headers.Add("x-amz-meta-firn-writer", found->second.writer);
    const auto range = request.headers.Get("Range");  // "bytes=first-last"
    if (!range) return Reply(200, bytes, headers);
    const std::string text(range->substr(range->find('=') + 1));
    const size_t first = std::strtoul(text.c_str(), nullptr, 10);
    const size_t last = std::min(std::strtoul(text.c_str() + text.find('-') + 1, nullptr, 10), bytes.size() - 1);
    if (first >= bytes.size()) return Error(416, "InvalidRange");
    headers.Add("Content-Range",
                "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(bytes.size()));
    return Reply(206, bytes.substr(first, last - first + 1), headers);
  }

  ScriptedReply List(const Request& request) FIRN_REQUIRES(mutex_) {
    const auto value = [&](const char* name) {
      const auto found = request.query.find(name);
      return found == request.query.end() ? std::string() : found->second;
    };
    const std::string prefix = value("prefix");
    const std::string after = value("continuation-token");
    int room = page_size_;
    if (const std::string asked = value("max-keys"); !asked.empty()) room = std::min(room, std::atoi(asked.c_str()));
    std::string contents;
    std::string next;
    std::string last;
    for (const auto& [key, object] : objects_) {
      if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
      if (room-- == 0) {
        next = last;
        break;
      }
      last = key;
      contents += "<Contents><Key>" + key +
                  "</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified><ETag>\"e\"</ETag>" + "<Size>" +
                  std::to_string(object.bytes.size()) + "</Size></Contents>";
    }
    std::string more = "<IsTruncated>false</IsTruncated>";
    if (!next.empty()) {
      more = "<IsTruncated>true</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>";
    }
    return Xml(200, "<ListBucketResult><Name>" + bucket_ + "</Name>" + more + contents + "</ListBucketResult>");
  }

  const std::string bucket_;
  mutable Mutex mutex_;
  std::map<std::string, Object> objects_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, std::map<int, std::string>> uploads_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<int, Fault_>> faults_ FIRN_GUARDED_BY(mutex_);
  std::vector<std::string> log_ FIRN_GUARDED_BY(mutex_);
  int last_upload_ FIRN_GUARDED_BY(mutex_) = 0;
  int page_size_ FIRN_GUARDED_BY(mutex_) = 1000;
  bool knows_conditions_ FIRN_GUARDED_BY(mutex_) = true;
  bool denies_ FIRN_GUARDED_BY(mutex_) = false;
  std::unique_ptr<ScriptedServer> server_;  // last: its threads end before what they use
};

}  // namespace

Result<std::unique_ptr<ObjectServer>> ObjectServer::Start(std::string bucket) {
  auto server = std::make_unique<MemoryObjectServer>(std::move(bucket));
  ARROW_RETURN_NOT_OK(server->Listen());
  return server;
}

}  // namespace firn::io
