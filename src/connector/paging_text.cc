#include "connector/paging_text.h"

#include <utility>
#include <vector>

namespace firn::connector {
namespace {

using Type = PaginatePlan::Type;

using Parts = std::vector<std::pair<std::string, std::string>>;

// The fields that belong to the type and are set, named as in the configuration.
Parts PartsOf(const PaginatePlan& plan) {
  Parts parts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parts.emplace_back(name, value);
  };
  const auto add_number = [&](const char* name, int64_t value, int64_t usual) {
    if (value != usual) parts.emplace_back(name, std::to_string(value));
  };
  switch (plan.type) {
    case Type::kAuto:
    case Type::kNone:
      return parts;
    case Type::kPage:
      add("param", plan.param);
      add_number("start", plan.first, 1);
      add("total_pages", plan.total_pages);
      break;
    case Type::kOffset:
      add("param", plan.param);
      add_number("start", plan.first, 0);
      add("total_rows", plan.total_rows);
      break;
    case Type::kCursor:
      add("next", plan.next);
      add("header", plan.next_header);
      add("last_record", plan.last_record);
      add("param", plan.param);
      break;
    case Type::kNextUrl:
      add("next", plan.next);
      break;
    case Type::kLinkHeader:
      if (plan.rel != "next") add("rel", plan.rel);
      break;
  }
  add("has_more", plan.has_more);
  if (plan.page_size > 0) {
    add("size_param", plan.size_param);
    if (plan.type == Type::kOffset || !plan.size_param.empty()) add_number("page_size", plan.page_size, 0);
  }
  return parts;
}

}  // namespace

std::string_view PagingTypeName(Type type) {
  switch (type) {
    case Type::kAuto:
      return "auto";
    case Type::kNone:
      return "none";
    case Type::kPage:
      return "page";
    case Type::kOffset:
      return "offset";
    case Type::kCursor:
      return "cursor";
    case Type::kLinkHeader:
      return "link_header";
    case Type::kNextUrl:
      return "next_url";
  }
  return "";
}

std::string PagingText(const PaginatePlan& plan) {
  std::string text;
  for (const auto& [name, value] : PartsOf(plan)) text += (text.empty() ? "" : ", ") + name + " " + value;
  return std::string(PagingTypeName(plan.type)) + (text.empty() ? "" : " (" + text + ")");
}

std::string PagingYaml(const PaginatePlan& plan) {
  const Parts parts = PartsOf(plan);
  std::string text = std::string(PagingTypeName(plan.type));
  const bool short_form = parts.empty() && plan.type != Type::kNextUrl;
  if (short_form) return text;
  text = "{type: " + text;
  for (const auto& [name, value] : parts) text += ", " + name + ": " + value;
  return text + "}";
}

}  // namespace firn::connector
