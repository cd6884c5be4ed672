#include "source/airbyte/retriever.h"

#include <map>
#include <vector>

#include "base/task_group.h"
#include "source/airbyte/messages.h"
#include "source/airbyte/query_properties.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr int64_t kPagesMax = 10'000'000;  // of one slice: beyond it, the API pages in circles

class SimpleRetriever : public Retriever {
 public:
  SimpleRetriever(const RunContext& run, RetrieverParts parts) : run_(run), parts_(std::move(parts)) {}

  Status Build(const Component& component) {
    ARROW_ASSIGN_OR_RAISE(decoder_, Decoder::Make(component.Child("decoder"), run_.strict_bodies));
    ARROW_ASSIGN_OR_RAISE(
        selector_,
        RecordSelector::Make(component.Child("record_selector"), run_, *decoder_,
                             {.filter_cursor = parts_.is_client_side && !parts_.is_data_feed ? parts_.cursor : nullptr,
                              .transform_first = parts_.is_client_side,
                              .transformations = parts_.transformations}));
    const Component requester = component.Child("requester");
    ARROW_ASSIGN_OR_RAISE(requester_, Requester::Make(requester, run_, parts_.stream, parts_.use_cache));
    ARROW_ASSIGN_OR_RAISE(properties_, QueryProperties::Make(requester, run_, parts_.stream));
    if (properties_ != nullptr) requester_->SetQueryPropertiesKey(properties_->parameter());
    ARROW_ASSIGN_OR_RAISE(paginator_, Paginator::Make(component.Child("paginator"), run_, *decoder_, *selector_,
                                                      parts_.is_data_feed ? parts_.cursor : nullptr));
    skip_slice_options_on_pages_ = component.Flag("ignore_stream_slicer_parameters_on_paginated_requests");
    const Component reset = component.Child("pagination_reset");
    if (!reset.present()) return Status::OK();
    splits_on_reset_ = reset.Text("action") == "SPLIT_USING_CURSOR";
    records_before_reset_ = reset.Child("limits").Integer("number_of_records");
    return Status::OK();
  }

  Status Read(const Slice& slice, const Value& schema, const std::function<Status(const Value&)>& sink) override {
    if (!parts_.is_data_feed) return ReadPages(slice, schema, sink);
    return ReadPages(slice, schema, [&](const Value& record) {
      return parts_.cursor->ShouldBeSynced(record, slice) ? sink(record) : Status::OK();
    });
  }
  bool casts() const override { return selector_->casts(); }

 private:
  struct Page {
    std::shared_ptr<ApiResponse> response;  // null: there was none to read
    int64_t num_records = 0;
    Value last_record = Value::Null();
    bool reset = false;
  };

  Status ReadPages(const Slice& slice, const Value& schema, const std::function<Status(const Value&)>& sink) {
    Slice current = slice;
    Value token = paginator_->InitialToken();
    int64_t records = 0;
    int alike = 0;
    for (int64_t pages = 0; pages < kPagesMax; ++pages) {
      if (pages == 1 && AsksAhead()) return ReadPagesAhead(slice, std::move(token), schema, alike, sink);
      ARROW_ASSIGN_OR_RAISE(const Page page, ReadPage(current, token, schema, pages == 0, sink));
      records += page.num_records;
      const bool full = records_before_reset_ && records >= *records_before_reset_;
      if (page.reset || (full && page.response != nullptr)) {
        ARROW_RETURN_NOT_OK(Reset(slice, &current, &alike));
        token = paginator_->InitialToken();
        records = 0;
        continue;
      }
      if (page.response == nullptr || !page.response->ok() || pages + 1 >= run_.excerpt.pages_max) return Status::OK();
      const PageSeen seen{.response = *page.response,
                          .num_records = page.num_records,
                          .last_record = page.last_record,
                          .last_token = token};
      ARROW_ASSIGN_OR_RAISE(token, paginator_->NextToken(seen, slice));
      if (token.is_null()) return Status::OK();
    }
    return Endless();
  }

  // Whether the next page may be asked for before the records of this one are passed on: what the records do must not
  // decide about the request.
  bool AsksAhead() const {
    return properties_ == nullptr && !parts_.is_data_feed && !splits_on_reset_ && !records_before_reset_;
  }

  // The pages from the second one on. The first is read without haste: often one record is wanted (a check).
  Status ReadPagesAhead(const Slice& slice, Value token, const Value& schema, int alike,
                        const std::function<Status(const Value&)>& sink) {
    Slice current = slice;
    Result<SendResult> sent = Fetch(slice, token);
    TaskGroup asking;  // last: it ends first
    for (int64_t pages = 1; pages < kPagesMax; ++pages) {
      ARROW_RETURN_NOT_OK(sent.status());
      if (sent->reset_pagination) {
        ARROW_RETURN_NOT_OK(Reset(slice, &current, &alike));
        token = paginator_->InitialToken();
        sent = Fetch(slice, token);
        continue;
      }
      const std::shared_ptr<ApiResponse> response = sent->response;
      if (response == nullptr || !response->ok()) return Status::OK();
      std::vector<Value> records;
      const Status selected =
          selector_->Select(*response, slice, TokenMap(token), schema, [&](const Value& record) -> Status {
            records.push_back(record);
            return Status::OK();
          });
      Result<Value> next = Value::Null();
      if (selected.ok()) {
        next = paginator_->NextToken({.response = *response,
                                      .num_records = static_cast<int64_t>(records.size()),
                                      .last_record = records.empty() ? Value::Null() : records.back(),
                                      .last_token = token},
                                     slice);
      }
      const bool is_last = pages + 1 >= run_.excerpt.pages_max;
      const bool goes_on = selected.ok() && next.ok() && !next->is_null() && !is_last;
      if (goes_on) {
        token = *next;
        asking.Spawn([&](const std::stop_token&) {
          sent = Fetch(slice, token);
          return Status::OK();
        });
      }
      for (const Value& record : records) ARROW_RETURN_NOT_OK(sink(record));
      ARROW_RETURN_NOT_OK(selected);
      ARROW_RETURN_NOT_OK(next.status());
      if (!goes_on) return Status::OK();
      ARROW_RETURN_NOT_OK(asking.Join());
    }
    return Endless();
  }

  static Status Endless() { return MakeError(Fault::kBadData, "the API gives pages without end"); }

  // Begins the paging anew; with a cursor after the records that were seen. `alike`: resets so far that made the slice
  // no smaller: without a cursor there is one, as in the reference, because it may be a second try.
  Status Reset(const Slice& slice, Slice* current, int* alike) const {
    const bool splits = splits_on_reset_ && parts_.cursor != nullptr && !parts_.cursor->cursor_field().empty();
    const Slice reduced = splits ? parts_.cursor->Reduced(*current) : *current;
    *alike = CanonicalJson(reduced.cursor) == CanonicalJson(current->cursor) ? *alike + 1 : 0;
    if (*alike >= (splits ? 1 : 2)) {
      return MakeError(Fault::kBadData, "the paging has to begin anew, but the slice cannot be made smaller");
    }
    *current = reduced;
    current->partition = slice.partition;
    return Status::OK();
  }

  Result<Page> ReadPage(const Slice& slice, const Value& token, const Value& schema, bool first,
                        const std::function<Status(const Value&)>& sink) {
    Page page;
    const auto take = [&](const Value& record) {
      ++page.num_records;
      page.last_record = record;
      return sink(record);
    };
    if (properties_ != nullptr) return ReadChunks(slice, token, schema, sink);
    if (first && parts_.lazy && slice.child_response != nullptr) {
      page.response = slice.child_response;
    } else {
      ARROW_ASSIGN_OR_RAISE(const SendResult sent, Fetch(slice, token));
      page.reset = sent.reset_pagination;
      page.response = sent.response;
    }
    if (page.response == nullptr || !page.response->ok()) return page;
    ARROW_RETURN_NOT_OK(selector_->Select(*page.response, slice, TokenMap(token), schema, take));
    return page;
  }

  // One page asked for in pieces of its properties; the pieces of a record are put together by its key.
  Result<Page> ReadChunks(const Slice& slice, const Value& token, const Value& schema,
                          const std::function<Status(const Value&)>& sink) {
    Page page;
    std::vector<std::string> order;
    std::map<std::string, Value> merged;
    ARROW_ASSIGN_OR_RAISE(const auto chunks, properties_->Chunks());
    const auto take = [&](const Value& record) {
      ++page.num_records;
      page.last_record = record;
      return sink(record);
    };
    for (const List& chunk : chunks) {
      Slice with = slice;
      with.extra = Value::OfMap({{Value::String("query_properties"), Value::OfList(chunk)}});
      ARROW_ASSIGN_OR_RAISE(const SendResult sent, Fetch(with, token));
      page.response = sent.response;
      page.reset = page.reset || sent.reset_pagination;
      if (sent.response == nullptr || !sent.response->ok()) continue;
      ARROW_RETURN_NOT_OK(
          selector_->Select(*sent.response, with, TokenMap(token), schema, [&](const Value& record) -> Status {
            const auto key = properties_->MergeKeyOf(record);
            if (!key) return take(record);
            const auto [place, is_new] = merged.emplace(*key, record);
            if (is_new) {
              order.push_back(*key);
            } else {
              place->second = DeepMerged(place->second, record);
            }
            return Status::OK();
          }));
    }
    for (const std::string& key : order) ARROW_RETURN_NOT_OK(take(merged.at(key)));
    return page;
  }

  static Value TokenMap(const Value& token) {
    return token.is_null() ? token : Value::OfMap({{Value::String("next_page_token"), token}});
  }

  Result<SendResult> Fetch(const Slice& slice, const Value& token) {
    RequestFor request{
        .slice = &slice, .page_token = TokenMap(token), .path = paginator_->PathOf(token), .parts = {}, .names = {}};
    ARROW_RETURN_NOT_OK(paginator_->AddOptions(token, &request.parts));
    if (token.is_null() || !skip_slice_options_on_pages_) {
      RequestParts own;
      if (parts_.router != nullptr) ARROW_RETURN_NOT_OK(parts_.router->AddOptions(slice, &own));
      if (parts_.cursor_options) ARROW_RETURN_NOT_OK(parts_.cursor_options(slice, &own));
      ARROW_RETURN_NOT_OK(CombineParts(own, &request.parts));
    }
    ARROW_ASSIGN_OR_RAISE(SendResult sent, requester_->Send(request));
    if (sent.response != nullptr && sent.response->ok() && decoder_->wants_json() && !sent.response->is_json()) {
      ARROW_RETURN_NOT_OK(run_.messages->Log("ERROR", "the API's answer is no JSON: it counts as one without records"));
    }
    return sent;
  }

  const RunContext& run_;
  const RetrieverParts parts_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<RecordSelector> selector_;
  std::unique_ptr<Requester> requester_;
  std::unique_ptr<Paginator> paginator_;
  std::unique_ptr<QueryProperties> properties_;
  bool skip_slice_options_on_pages_ = false;
  bool splits_on_reset_ = false;
  std::optional<int64_t> records_before_reset_;
};

}  // namespace

Result<std::unique_ptr<Retriever>> MakeSimpleRetriever(const Component& component, const RunContext& run,
                                                       RetrieverParts parts) {
  auto made = std::make_unique<SimpleRetriever>(run, std::move(parts));
  ARROW_RETURN_NOT_OK(made->Build(component));
  return std::unique_ptr<Retriever>(std::move(made));
}

}  // namespace firn::source::airbyte
