#include "source/airbyte/async_retriever.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr int kAttemptsMax = 3;  // jobs made for one slice until one completes
constexpr double kPollSeconds = 5;

enum class JobStatus { kRunning, kCompleted, kFailed, kTimedOut, kSkipped };

Value WithExtra(const Slice& slice, std::initializer_list<std::pair<const char*, Value>> more) {
  Entries entries = slice.extra.as_map();
  for (const auto& [key, value] : more) Put(entries, key, value);
  return Value::OfMap(std::move(entries));
}

// What expressions see of a response: its JSON and its headers.
Value ContextOf(const ApiResponse& response) {
  Entries entries = response.Json().is_map() ? response.Json().as_map() : Entries();
  if (FindEntry(entries, "headers") == nullptr) Put(entries, "headers", response.HeaderMap());
  return Value::OfMap(std::move(entries));
}

class AsyncRetriever : public Retriever {
 public:
  AsyncRetriever(const RunContext& run, RetrieverParts parts) : run_(run), parts_(std::move(parts)) {}

  Status Build(const Component& component) {
    ARROW_ASSIGN_OR_RAISE(decoder_, Decoder::Make(component.Child("decoder"), run_.strict_bodies));
    ARROW_ASSIGN_OR_RAISE(download_decoder_, Decoder::Make(component.Child("download_decoder"), run_.strict_bodies));
    // A job's records are not filtered by the cursor, also where the stream asks for it: as in the reference.
    ARROW_ASSIGN_OR_RAISE(selector_, RecordSelector::Make(component.Child("record_selector"), run_, *decoder_,
                                                          {.transformations = parts_.transformations}));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "creation_requester", &creation_));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "polling_requester", &polling_));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "download_requester", &download_));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "download_target_requester", &targets_));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "abort_requester", &abort_));
    ARROW_RETURN_NOT_OK(MakeRequester(component, "delete_requester", &delete_));
    if (creation_ == nullptr || polling_ == nullptr || download_ == nullptr) {
      return ManifestError(component, "an AsyncRetriever needs its creation, polling and download requesters");
    }
    ARROW_RETURN_NOT_OK(MakeExtractor(component, "status_extractor", *decoder_, &status_extractor_));
    ARROW_RETURN_NOT_OK(MakeExtractor(component, "download_target_extractor", *decoder_, &target_extractor_));
    ARROW_RETURN_NOT_OK(MakeExtractor(component, "download_extractor", *download_decoder_, &download_extractor_));
    ARROW_ASSIGN_OR_RAISE(paginator_,
                          Paginator::Make(component.Child("download_paginator"), run_, *download_decoder_,
                                          download_extractor_ ? *download_extractor_ : *selector_, nullptr));
    ReadStatuses(component.Child("status_mapping"));
    ARROW_ASSIGN_OR_RAISE(timeout_, InterpolatedField(component, "polling_job_timeout"));
    return Status::OK();
  }

  Status Read(const Slice& slice, const Value& schema, const std::function<Status(const Value&)>& sink) override {
    Slice current = slice;
    std::shared_ptr<ApiResponse> polled;
    for (int attempt = 1;; ++attempt) {
      ARROW_ASSIGN_OR_RAISE(const JobStatus status, RunJob(slice, &current, &polled));
      if (status == JobStatus::kSkipped) return Status::OK();
      if (status == JobStatus::kCompleted) break;
      if (attempt == kAttemptsMax) {
        return MakeError(Fault::kTransient, "the job of the API failed " + std::to_string(attempt) + " times");
      }
    }
    ARROW_RETURN_NOT_OK(Download(slice, current, *polled, schema, sink));
    if (delete_ != nullptr) ARROW_RETURN_NOT_OK(delete_->Send({.slice = &current}).status());
    return Status::OK();
  }
  bool casts() const override { return selector_->casts(); }

 private:
  Status MakeRequester(const Component& component, std::string_view field, std::unique_ptr<Requester>* out) {
    const Component requester = component.Child(field);
    if (!requester.present()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(*out, Requester::Make(requester, run_, parts_.stream, false));
    return Status::OK();
  }

  Status MakeExtractor(const Component& component, std::string_view field, const Decoder& decoder,
                       std::unique_ptr<RecordSelector>* out) const {
    const auto* extractor = component.Find(field);
    if (extractor == nullptr) return Status::OK();
    if (component.Child(field).type() == "ResponseToFileExtractor") return Status::OK();  // the decoder does its work
    const Component selector(
        expression::Value::OfMap({{"type", expression::Value::String("RecordSelector")}, {"extractor", *extractor}}),
        component.path() + "." + std::string(field));
    ARROW_ASSIGN_OR_RAISE(*out, RecordSelector::Make(selector, run_, decoder, {}));
    return Status::OK();
  }

  void ReadStatuses(const Component& mapping) {
    constexpr std::pair<const char*, JobStatus> kNames[] = {{"running", JobStatus::kRunning},
                                                            {"completed", JobStatus::kCompleted},
                                                            {"failed", JobStatus::kFailed},
                                                            {"timeout", JobStatus::kTimedOut},
                                                            {"skipped", JobStatus::kSkipped}};
    for (const auto& [name, status] : kNames) {
      const Value list = FieldOf(mapping, name);
      for (const Value& text : list.is_list() ? list.as_list() : List()) statuses_[jinja::ToText(text)] = status;
    }
  }

  Result<JobStatus> StatusOf(const ApiResponse& response) const {
    Value found = Value::Null();
    bool first = true;
    ARROW_RETURN_NOT_OK(status_extractor_->Extract(response, [&](const Value& value) {
      if (first) found = value;
      first = false;
      return Status::OK();
    }));
    const auto known = statuses_.find(jinja::ToText(found));
    if (known == statuses_.end()) {
      return MakeError(Fault::kConfig,
                       "the job has a status that status_mapping does not name: " + jinja::ToText(found));
    }
    return known->second;
  }

  // The cursor's bounds and the router's values go into the creation.
  Result<JobStatus> RunJob(const Slice& slice, Slice* current, std::shared_ptr<ApiResponse>* polled) {
    RequestFor request{.slice = &slice, .page_token = Value::Null(), .path = std::nullopt, .parts = {}, .names = {}};
    ARROW_ASSIGN_OR_RAISE(const SendResult created, creation_->Send(request));
    if (created.response == nullptr || !created.response->ok()) {
      return MakeError(Fault::kBug, "the API did not accept the job");
    }
    *current = slice;
    current->extra = WithExtra(slice, {{"creation_response", ContextOf(*created.response)}});
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string minutes, timeout_.EvalText(scope));
    double limit = 60;
    if (!minutes.empty()) std::from_chars(minutes.data(), minutes.data() + minutes.size(), limit);
    double waited = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const SendResult sent, polling_->Send({.slice = current}));
      if (sent.response == nullptr) return MakeError(Fault::kBug, "the API says nothing of the job");
      ARROW_ASSIGN_OR_RAISE(const JobStatus status, StatusOf(*sent.response));
      *polled = sent.response;
      if (status != JobStatus::kRunning) return status;
      if (waited > limit * 60) {
        if (abort_ != nullptr) ARROW_RETURN_NOT_OK(abort_->Send({.slice = current}).status());
        return JobStatus::kTimedOut;
      }
      waited += kPollSeconds;
      ARROW_RETURN_NOT_OK(run_.Wait(kPollSeconds));
    }
  }

  Result<List> TargetsOf(const Slice& current, const ApiResponse& polled) {
    List targets;
    if (target_extractor_ == nullptr) return List{Value::String("")};
    const auto take = [&](const Value& target) {
      targets.push_back(target);
      return Status::OK();
    };
    if (targets_ == nullptr) {
      ARROW_RETURN_NOT_OK(target_extractor_->Extract(polled, take));
      return targets;
    }
    Slice asking;
    asking.extra = WithExtra({}, {{"polling_response", ContextOf(polled)},
                                  {"creation_response", current.extra.Find("creation_response").value_or(Value())}});
    ARROW_ASSIGN_OR_RAISE(const SendResult sent, targets_->Send({.slice = &asking}));
    if (sent.response == nullptr || !sent.response->ok()) return MakeError(Fault::kBug, "the API gives no download");
    ARROW_RETURN_NOT_OK(target_extractor_->Extract(*sent.response, take));
    return targets;
  }

  Status Download(const Slice& slice, const Slice& current, const ApiResponse& polled, const Value& schema,
                  const std::function<Status(const Value&)>& sink) {
    ARROW_ASSIGN_OR_RAISE(const List targets, TargetsOf(current, polled));
    for (const Value& target : targets) {
      Slice part = current;
      part.extra = WithExtra(current, {{"download_target", target}, {"polling_response", ContextOf(polled)}});
      ARROW_RETURN_NOT_OK(DownloadPages(slice, part, schema, sink));
    }
    return Status::OK();
  }

  Status DownloadPages(const Slice& slice, const Slice& part, const Value& schema,
                       const std::function<Status(const Value&)>& sink) {
    Value token = paginator_->InitialToken();
    while (true) {
      const Value page_token = token.is_null() ? token : Value::OfMap({{Value::String("next_page_token"), token}});
      RequestFor request{
          .slice = &part, .page_token = page_token, .path = paginator_->PathOf(token), .parts = {}, .names = {}};
      ARROW_RETURN_NOT_OK(paginator_->AddOptions(token, &request.parts));
      ARROW_ASSIGN_OR_RAISE(const SendResult sent, download_->Send(request));
      if (sent.response == nullptr || !sent.response->ok()) return Status::OK();
      PageSeen seen{.response = *sent.response, .num_records = 0, .last_record = Value::Null(), .last_token = token};
      const auto take = [&](const Value& record) -> Status {
        ++seen.num_records;
        seen.last_record = record;
        return selector_->SelectRecord(record, slice, Value::Null(), schema, sink);
      };
      if (download_extractor_ != nullptr) {
        ARROW_RETURN_NOT_OK(download_extractor_->Extract(*sent.response, take));
      } else {
        ARROW_ASSIGN_OR_RAISE(const auto rows, download_decoder_->Decode(*sent.response));
        for (const Value& row : rows) ARROW_RETURN_NOT_OK(take(row));
      }
      ARROW_ASSIGN_OR_RAISE(token, paginator_->NextToken(seen, part));
      if (token.is_null()) return Status::OK();
    }
  }

  const RunContext& run_;
  const RetrieverParts parts_;
  std::unique_ptr<Decoder> decoder_, download_decoder_;
  std::unique_ptr<RecordSelector> selector_, status_extractor_, target_extractor_, download_extractor_;
  std::unique_ptr<Requester> creation_, polling_, download_, targets_, abort_, delete_;
  std::unique_ptr<Paginator> paginator_;
  std::map<std::string, JobStatus> statuses_;
  Interpolated timeout_;
};

}  // namespace

Result<std::unique_ptr<Retriever>> MakeAsyncRetriever(const Component& component, const RunContext& run,
                                                      RetrieverParts parts) {
  auto made = std::make_unique<AsyncRetriever>(run, std::move(parts));
  ARROW_RETURN_NOT_OK(made->Build(component));
  return std::unique_ptr<Retriever>(std::move(made));
}

}  // namespace firn::source::airbyte
