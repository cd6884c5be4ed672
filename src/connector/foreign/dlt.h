#pragma once

#include <string>

#include "base/status.h"
#include "connector/foreign/draft.h"
#include "connector/foreign/python_literal.h"

namespace firn::connector::foreign {

/// Converts the resources of a configuration of dlt's rest_api source: a Python file that holds it as a dictionary, or
/// JSON or YAML. `path`: of the file, for names and messages. Resources that the native format cannot say exactly are
/// in `refused`. Errors: those of ReadPythonDictionary; kConfig E0558 for another file, E0561 for a choice of resources
/// that are not there, E0560 for a client that cannot be said, because all resources have it.
/// Format: dlthub.com/docs, "REST API source", and dlt 1.31.0, dlt/sources/rest_api/typing.py.
Result<Draft> DraftOfDlt(const std::string& text, const std::string& path, const Choice& choice);

/// What of the client and of one resource is said natively. Errors: kConfig, the reason (WrittenError).
class DltSettings {
 public:
  /// A text, with the place-holders of settings. A text in `secret_name`'s place becomes that setting: what a file says
  /// plainly is not written on.
  Result<std::string> Text(const WrittenValue& value, const std::string& secret_name = "");
  const std::vector<Setting>& all() const { return all_; }

 private:
  void Add(const WrittenValue& setting);
  std::vector<Setting> all_;
};

/// A JSONPath of plain names as a native path. Errors: kConfig for any other.
Result<std::string> PathOfJsonPath(const WrittenValue& value);

Result<Map> ReadDltAuth(const WrittenValue& value, DltSettings* settings);
/// `body`: gets the page's size where that is sent in the body.
Result<Value> ReadDltPaginator(const WrittenValue& value, Map* body);

}  // namespace firn::connector::foreign
