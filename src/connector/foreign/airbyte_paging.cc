#include "connector/foreign/airbyte_stream.h"

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

// Names of the strategy's expressions: the answer, and how many records it had.
JinjaText::Names PageNames() {
  return [](const NamePath& path) -> Result<JinjaText::Said> {
    if (path.otherwise) return MakeError(Fault::kConfig, "a default inside of a condition of paging");
    if (path.root == "response") {
      ARROW_ASSIGN_OR_RAISE(std::string text, AccessText("response", path.steps));
      return JinjaText::Said{.text = std::move(text)};
    }
    if (path.root == "last_page_size" && path.steps.empty()) return JinjaText::Said{.text = "count"};
    return MakeError(Fault::kConfig, "`" + path.root + "` in a condition of paging");
  };
}

class PaginatorReader {
 public:
  PaginatorReader(const Component& component, StreamDraft* draft) : component_(component), draft_(*draft) {}

  Status Read() {
    ARROW_RETURN_NOT_OK(RefuseOthers(
        component_, {"type", "pagination_strategy", "page_token_option", "page_size_option", "url_base", "decoder"}));
    const Component strategy = component_.Child("pagination_strategy");
    ARROW_RETURN_NOT_OK(ReadSize(strategy));
    const std::string type = strategy.type();
    if (type == "PageIncrement" || type == "OffsetIncrement") {
      ARROW_RETURN_NOT_OK(ReadCount(strategy, type == "PageIncrement"));
    } else if (type == "CursorPagination") {
      ARROW_RETURN_NOT_OK(ReadCursor(strategy));
    } else {
      return ManifestError(strategy, "a pagination strategy of type " + type);
    }
    Put(&draft_.table, "paginate", Value::OfMap(std::move(out_)));
    return Status::OK();
  }

 private:
  // The size as it stands in the strategy: a number or a setting.
  Status ReadSize(const Component& strategy) {
    const Value* written = strategy.Find("page_size");
    if (written == nullptr) return Status::OK();
    if (const auto number = strategy.Integer("page_size")) {
      size_ = Value::Int(*number);
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(std::string text, TemplateField(strategy, "page_size", &draft_));
    if (!text.starts_with("${setting:")) return ManifestError(strategy, "page_size that is computed");
    size_ = Value::String(std::move(text));
    return Status::OK();
  }

  // Where the size is sent. The paging knows query parameters; elsewhere it is a constant of the request.
  Status PutSize() {
    const Component option = component_.Child("page_size_option");
    if (!option.present() || size_.is_null()) return Status::OK();
    if (option.Text("inject_into") == "request_parameter" && size_.kind() == Value::Kind::kInt) {
      Put(&out_, "page_size", size_);
      Put(&out_, "size_param", Literal(option.Text("field_name")));
      return Status::OK();
    }
    return PutOption(option, expression::ToText(size_), &draft_);
  }

  Status PutToken(const Component& option) {
    if (!option.present() && !draft_.token_param.empty()) {
      Put(&out_, "param", Literal(draft_.token_param));
      return Status::OK();
    }
    if (!option.present()) return ManifestError(component_, "paging whose token is sent nowhere");
    ARROW_RETURN_NOT_OK(RefuseOthers(option, {"type", "inject_into", "field_name", "field_path"}));
    const std::string where = option.Text("inject_into");
    if (where == "request_parameter") {
      Put(&out_, "param", Literal(option.Text("field_name")));
    } else if (where == "body_json") {
      ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfOption(option));
      Put(&out_, "body_path", Literal(path));
    } else {
      return ManifestError(option, "a page's number or token in " + where);
    }
    return Status::OK();
  }

  static Result<std::string> PathOfOption(const Component& option) {
    const Value* path = option.Find("field_path");
    std::vector<std::string> steps = {option.Text("field_name")};
    if (path != nullptr && path->kind() == Value::Kind::kList) {
      steps.clear();
      for (const Value& step : path->as_list()) steps.push_back(expression::ToText(step));
    }
    return DottedPath(steps);
  }

  // A page with fewer records than were asked for is the last one (PageIncrement, OffsetIncrement).
  Status ReadCount(const Component& strategy, bool is_page) {
    ARROW_RETURN_NOT_OK(RefuseOthers(strategy, {"type", "page_size", "start_from_page", "inject_on_first_request"}));
    Put(&out_, "type", is_page ? "page" : "offset");
    ARROW_RETURN_NOT_OK(PutToken(component_.Child("page_token_option")));
    if (is_page) Put(&out_, "start", Value::Int(strategy.Integer("start_from_page").value_or(0)));
    ARROW_RETURN_NOT_OK(PutSize());
    // Paging by offsets sends its size.
    if (!is_page && airbyte::FindKey(out_, "page_size") == nullptr) {
      return ManifestError(strategy, "offsets whose page_size is not sent as a constant parameter");
    }
    if (!size_.is_null()) Put(&out_, "stop", "{{ count < " + expression::ToText(size_) + " }}");
    return Status::OK();
  }

  Status ReadCursor(const Component& strategy) {
    ARROW_RETURN_NOT_OK(RefuseOthers(strategy, {"type", "page_size", "cursor_value", "stop_condition", "decoder"}));
    auto value = JinjaText::Parse(strategy.Text("cursor_value"));
    if (!value.ok()) return At(strategy, value.status());
    const auto path = value->Path();
    if (!path || path->otherwise)
      return ManifestError(strategy, "cursor_value: the expression `" + value->source() + "`");
    const Component option = component_.Child("page_token_option");
    const bool is_url = option.type() == "RequestPath";
    draft_.later_pages_are_urls = is_url;
    ARROW_RETURN_NOT_OK(At(strategy, PutNext(*path, is_url)));
    if (!is_url) ARROW_RETURN_NOT_OK(PutToken(option));
    ARROW_RETURN_NOT_OK(PutSize());
    return At(strategy, PutStop(strategy, *path));
  }

  Status PutNext(const NamePath& path, bool is_url) {
    const auto& steps = path.steps;
    if (path.root == "headers" && steps == std::vector<std::string>{"link", "next", "url"} && is_url) {
      Put(&out_, "type", "link_header");
      return Status::OK();
    }
    if (path.root == "headers" && steps.size() == 1 && !is_url) {
      Put(&out_, "type", "cursor");
      Put(&out_, "header", Literal(steps[0]));
      return Status::OK();
    }
    const bool last = path.root == "last_record" && !is_url;
    if ((path.root != "response" && !last) || steps.empty()) {
      return MakeError(Fault::kConfig, "cursor_value: a token from `" + path.root + "`");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string dotted, DottedPath(steps));
    Put(&out_, "type", is_url ? "next_url" : "cursor");
    Put(&out_, last ? "last_record" : "next", Literal(dotted));
    return Status::OK();
  }

  // `not X` and `X is none` of the token's own path say what paging by tokens does anyway.
  Status PutStop(const Component& strategy, const NamePath& token) {
    const std::string text = strategy.Text("stop_condition");
    if (text.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const JinjaText condition, JinjaText::Parse(text));
    if (condition.IsAbsenceOf(token)) return Status::OK();
    if (condition.is_constant()) {
      return MakeError(Fault::kConfig, "stop_condition: a constant");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string stop, condition.Expression(PageNames()));
    Put(&out_, "stop", "{{ " + stop + " }}");
    return Status::OK();
  }

  const Component& component_;
  StreamDraft& draft_;
  Value size_ = Value::Null();
  Map out_;
};

}  // namespace

Status ReadPaginator(const Component& component, StreamDraft* draft) {
  if (!component.present() || component.type() == "NoPagination") {
    Put(&draft->table, "paginate", "none");
    return Status::OK();
  }
  if (component.type() != "DefaultPaginator")
    return ManifestError(component, "a paginator of type " + component.type());
  return PaginatorReader(component, draft).Read();
}

}  // namespace firn::connector::foreign
