#include "source/airbyte/paginator.h"

namespace firn::source::airbyte {

using connector::airbyte::ManifestError;

namespace {

/// Headers, found whatever their case, with `link` taken apart by relation.
class HeadersWithLinks : public jinja::LazyMap {
 public:
  HeadersWithLinks(Value headers, Value links) : headers_(std::move(headers)), links_(std::move(links)) {}
  std::optional<Value> Find(std::string_view key) const override {
    return key == "link" ? std::optional<Value>(links_) : headers_.Find(key);
  }
  Entries All() const override {
    Entries all = headers_.as_map();
    Put(all, "link", links_);
    return all;
  }

 private:
  const Value headers_, links_;
};

}  // namespace

Result<std::unique_ptr<Paginator>> Paginator::Make(const Component& component, const RunContext& run,
                                                   const Decoder& decoder, const RecordSelector& selector,
                                                   const Cursor* stop_cursor) {
  std::unique_ptr<Paginator> made(new Paginator(run, decoder, selector, stop_cursor));
  if (!component.present() || component.type() == "NoPagination") return made;
  if (component.type() != "DefaultPaginator") {
    return ManifestError(component, "a paginator of type " + component.type() + " cannot be run");
  }
  ARROW_RETURN_NOT_OK(made->ReadStrategy(component.Child("pagination_strategy")));
  const Component token = component.Child("page_token_option");
  made->token_is_path_ = token.type() == "RequestPath";
  if (token.present() && !made->token_is_path_) {
    ARROW_ASSIGN_OR_RAISE(made->token_option_, OptionField(component, "page_token_option"));
  }
  ARROW_ASSIGN_OR_RAISE(made->size_option_, OptionField(component, "page_size_option"));
  if (made->size_option_ && made->page_size_.empty()) {
    return ManifestError(component, "page_size_option needs a strategy with a page_size");
  }
  return made;
}

Status Paginator::ReadStrategy(const Component& strategy) {
  const std::string type = strategy.type();
  if (type == "PageIncrement") {
    strategy_ = Strategy::kPage;
    start_ = strategy.Integer("start_from_page").value_or(0);
  } else if (type == "OffsetIncrement") {
    strategy_ = Strategy::kOffset;
  } else if (type == "CursorPagination") {
    strategy_ = Strategy::kCursor;
    ARROW_ASSIGN_OR_RAISE(cursor_value_, InterpolatedField(strategy, "cursor_value"));
    ARROW_ASSIGN_OR_RAISE(stop_condition_, InterpolatedField(strategy, "stop_condition"));
  } else {
    return ManifestError(strategy, "a pagination strategy of type " + type + " cannot be run");
  }
  on_first_request_ = strategy.Flag("inject_on_first_request");
  ARROW_ASSIGN_OR_RAISE(page_size_, InterpolatedField(strategy, "page_size"));
  return Status::OK();
}

Value Paginator::InitialToken() const {
  if (!on_first_request_) return Value::Null();
  if (strategy_ == Strategy::kPage) return Value::Int(start_);
  return strategy_ == Strategy::kOffset ? Value::Int(0) : Value::Null();
}

Result<std::optional<int64_t>> Paginator::PageSize(const Value& response) const {
  if (page_size_.empty()) return std::optional<int64_t>();
  Scope scope = run_.NewScope();
  if (!response.is_undefined()) scope.Set("response", response);
  ARROW_ASSIGN_OR_RAISE(const Value size, page_size_.Eval(scope));
  if (size.kind() != Value::Kind::kInt) return MakeError(Fault::kConfig, "page_size is no whole number");
  return std::optional<int64_t>(size.as_int());
}

Result<Value> Paginator::NextToken(const PageSeen& seen, const Slice& slice) const {
  if (strategy_ == Strategy::kNone) return Value::Null();
  if (stop_cursor_ != nullptr && jinja::Truthy(seen.last_record) &&
      !stop_cursor_->ShouldBeSynced(seen.last_record, slice)) {
    return Value::Null();
  }
  return strategy_ == Strategy::kCursor ? NextByCursor(seen) : NextByCount(seen);
}

Result<Value> Paginator::NextByCount(const PageSeen& seen) const {
  // What the API gave counts, not what the filter left of it.
  ARROW_ASSIGN_OR_RAISE(const int64_t count, selector_.CountExtracted(seen.response));
  Value decoded;
  if (strategy_ == Strategy::kOffset) {
    ARROW_ASSIGN_OR_RAISE(decoded, decoder_.FirstOf(seen.response));
  }
  ARROW_ASSIGN_OR_RAISE(const auto size, PageSize(decoded));
  if (count == 0 || (size && *size != 0 && count < *size)) return Value::Null();
  const bool first = seen.last_token.is_null();
  if (!first && seen.last_token.kind() != Value::Kind::kInt) {
    return MakeError(Fault::kConfig, "the last page's token is no whole number");
  }
  const int64_t last = first ? 0 : seen.last_token.as_int();
  if (strategy_ == Strategy::kOffset) return Value::Int(last + count);
  return Value::Int(first ? start_ + 1 : last + 1);
}

Result<Value> Paginator::NextByCursor(const PageSeen& seen) const {
  ARROW_ASSIGN_OR_RAISE(const Value decoded, decoder_.FirstOf(seen.response));
  Scope scope = run_.NewScope();
  scope.Set("response", decoded);
  scope.SetLazy("headers", [&]() -> Result<Value> {
    return Value::OfLazyMap(std::make_shared<HeadersWithLinks>(seen.response.HeaderMap(), seen.response.Links()));
  });
  scope.Set("last_record", seen.last_record);
  scope.Set("last_page_size", Value::Int(seen.num_records));
  if (!stop_condition_.empty()) {
    ARROW_ASSIGN_OR_RAISE(const bool stop, stop_condition_.EvalCondition(scope));
    if (stop) return Value::Null();
  }
  ARROW_ASSIGN_OR_RAISE(const Value token, cursor_value_.Eval(scope));
  return jinja::Truthy(token) ? token : Value::Null();
}

Status Paginator::AddOptions(const Value& token, RequestParts* parts) const {
  RequestParts own;
  if (token_option_ && !token.is_null()) ARROW_RETURN_NOT_OK(token_option_->Put(run_, token, &own));
  if (size_option_) {
    ARROW_ASSIGN_OR_RAISE(const auto size, PageSize(Value()));
    if (size && *size != 0) ARROW_RETURN_NOT_OK(size_option_->Put(run_, Value::Int(*size), &own));
  }
  return CombineParts(own, parts);
}

std::optional<std::string> Paginator::PathOf(const Value& token) const {
  if (!token_is_path_ || !jinja::Truthy(token)) return std::nullopt;
  return jinja::ToText(token);
}

}  // namespace firn::source::airbyte
