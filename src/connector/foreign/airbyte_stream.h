#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connector/airbyte/component.h"
#include "connector/foreign/airbyte_settings.h"
#include "connector/foreign/jinja_reader.h"

/// One stream of an Airbyte manifest in native form. Each function reads one component, all of its fields: one that
/// nobody knows is an error, so that nothing is left out in silence. Errors: kConfig (ManifestError): the reason, with
/// the component's place.
/// Format: Airbyte's declarative_component_schema.yaml (airbyte-cdk 7.28.2).
namespace firn::connector::foreign {

/// What a stream's expressions may name, and what it is made of so far.
struct StreamDraft {
  explicit StreamDraft(AirbyteSettings all) : settings(std::move(all)) {}

  std::string name;
  std::string url_base;  // native template, no slash at the end
  std::string path;      // native template, begins with a slash
  Map auth;
  Map table;  // what is of no request: paginate, parent, incremental …
  Map params, headers, body;
  AirbyteSettings settings;
  std::optional<Component> parent;           // the parent's stream
  bool follows_changes = false;              // only children of parent rows that changed are read
  std::map<std::string, std::string> slice;  // key of stream_slice → native: "start_time" → "incremental.start"
  bool has_cursor = false;                   // incremental
  bool bounds_are_sent = false;              // some part of the request names them
  bool cursor_is_number = false;             // its bounds are epochs
  bool later_pages_are_urls = false;         // what is of the first page alone is of every request that is built
  std::string token_param;                   // query parameter that is next_page_token, if a template says so
};

/// Fails for fields of a component that are none of `known`; `$parameters` and what they put in are passed over.
Status RefuseOthers(const Component& component, std::initializer_list<std::string_view> known);
/// Gives a reason the place of its component.
Status At(const Component& component, const Status& status);

/// How the stream's expressions are said in requests.
JinjaText::Names RequestNames(StreamDraft* draft, AirbyteSettings::Use use = {});
/// A text field as a native template.
Result<std::string> TemplateField(const Component& component, std::string_view field, StreamDraft* draft,
                                  AirbyteSettings::Use use = {});
/// Months and years have no length of their own: 28 and 365 days, or 31 and 366.
enum class CalendarLength { kShortest, kLongest };
/// An ISO 8601 duration as a native one. Errors: kConfig, the reason without a place.
Result<std::string> DurationText(const std::string& iso, CalendarLength length, StreamDraft* draft);

/// Puts a value where a RequestOption says: a query parameter, header, or field of the JSON body.
Status PutOption(const Component& option, const std::string& native, StreamDraft* draft);

Result<Map> ReadAuthenticator(const Component& component, StreamDraft* draft);
Status ReadErrorHandler(const Component& component, StreamDraft* draft);
Status ReadRequester(const Component& component, StreamDraft* draft);
Status ReadPaginator(const Component& component, StreamDraft* draft);
Status ReadPartitionRouter(const Component& component, StreamDraft* draft);
Status ReadCursor(const Component& component, StreamDraft* draft);
Status ReadTransformations(const std::vector<Component>& components, StreamDraft* draft);
/// The whole stream.
Result<StreamDraft> ReadStream(const Component& stream, const AirbyteSettings& settings);

}  // namespace firn::connector::foreign
