#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/airbyte/interpolation.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// What goes into a request besides its method and URL.
struct RequestParts {
  Entries params, headers, body_data, body_json;
  std::optional<std::string> body_text;  // sent as it is, in place of body_data
};

/// Adds the parts of another contributor. Errors: kConfig when a key is there already (in a JSON body: with another
/// value).
Status CombineParts(const RequestParts& more, RequestParts* parts);

/// A RequestOption: where in a request a value goes.
class RequestOption {
 public:
  enum class Where { kParameter, kHeader, kBodyData, kBodyJson };
  static Result<RequestOption> Make(const Component& component);
  /// Puts the value into `parts`; a key that is there already is replaced.
  Status Put(const RunContext& run, const Value& value, RequestParts* parts) const;
  Where where() const { return where_; }

 private:
  Where where_ = Where::kParameter;
  std::vector<Interpolated> path_;
};

/// The option of a field; nullopt if the field is absent.
Result<std::optional<RequestOption>> OptionField(const Component& component, std::string_view field);

}  // namespace firn::source::airbyte
